//! Closed-vocabulary speech recognition for four languages.

pub mod activity;
pub mod dtw;
pub mod mfcc;
pub mod rejection;
pub mod templates;
pub mod vocabulary;

use std::path::Path;
use offhook::language::Language;
use mfcc::{Extractor, Features, RATE};
use templates::{Template, TemplateError, COARSE_GROUP, conditioned};
use vocabulary::Vocabulary;
use crate::sound::{to_f32, resample::resample};

pub struct Recogniser { pub vocabulary: Vocabulary, pub templates: Vec<Template>, extractor: Extractor, codebook: Vec<Features> }

#[derive(Debug, Clone, Default)]
pub struct Evidence { pub best: usize, pub d: Vec<(f32, u32)>, pub floor: f32, pub coarse_rank: Vec<(f32,u32)>, pub frames: usize }

impl Recogniser {
    pub fn build(vocabulary: Vocabulary, cache_dir: &Path) -> Result<Self, TemplateError> {
        let templates = templates::load_or_make(&vocabulary, cache_dir)?;
        let all: Vec<Features> = templates.iter().flat_map(|t| t.near.iter().copied()).collect();
        let codebook = codebook(&all, 128);
        Ok(Recogniser { vocabulary, templates, extractor: Extractor::default(), codebook })
    }
    pub fn features(&self, pcm: &[i16], rate: u32) -> Vec<Features> {
        let line = resample(&to_f32(pcm), rate, RATE);
        let Some(r) = activity::speech(&line) else { return vec![] };
        self.extractor.features(&conditioned(&line[r]))
    }
    /// exhaustive
    pub fn evidence(&self, near: &[Features], top: usize) -> Evidence {
        let mut s = dtw::Scratch::default();
        let far = dtw::coarse(near, COARSE_GROUP);
        let mut c: Vec<(f32,u32)> = self.templates.iter().enumerate().filter_map(|(i,t)| dtw::distance(&far, &t.far, f32::INFINITY, &mut s).map(|d| (d,i as u32))).collect();
        c.sort_by(|a,b| a.0.total_cmp(&b.0));
        let mut best: std::collections::HashMap<u32,f32> = Default::default();
        let mut limit = f32::INFINITY;
        for (_, i) in c.iter().take(top) {
            let t = &self.templates[*i as usize];
            if let Some(d) = dtw::distance(near, &t.near, limit, &mut s) {
                let e = best.entry(t.phrase).or_insert(f32::INFINITY); *e = e.min(d);
                limit = limit.min(d * 1.35);
            }
        }
        let mut d: Vec<(f32,u32)> = best.into_iter().map(|(p,d)| (d,p)).collect();
        d.sort_by(|a,b| a.0.total_cmp(&b.0));
        let floor = near.iter().map(|f| self.codebook.iter().map(|c| dtw::between(f,c)).fold(f32::INFINITY, f32::min)).sum::<f32>() / near.len().max(1) as f32;
        Evidence { best: 0, d, floor, coarse_rank: c.iter().map(|(d,i)| (*d, self.templates[*i as usize].phrase)).collect(), frames: near.len() }
    }
}
fn codebook(all: &[Features], size: usize) -> Vec<Features> {
    let step = (all.len() / 20000).max(1);
    let data: Vec<&Features> = all.iter().step_by(step).collect();
    let mut book: Vec<Features> = (0..size).map(|i| *data[i * data.len() / size]).collect();
    for _ in 0..5 {
        let mut sum = vec![([0f32; mfcc::DIMENSIONS], 0u32); size];
        for f in &data {
            let b = (0..size).min_by(|a,b| dtw::between(f,&book[*a]).total_cmp(&dtw::between(f,&book[*b]))).expect("x");
            sum[b].1 += 1; for (x,y) in sum[b].0.iter_mut().zip(f.iter()) { *x += y; }
        }
        for (b,(s,n)) in book.iter_mut().zip(sum) { if n>0 { *b = s.map(|x| x / n as f32); } }
    }
    book
}
#[allow(unused)]
fn _x(_: Language) {}
