//! What lies between a mouth and our decoder: filters, handsets, laws of G.711. 16 kHz mono.

use std::f64::consts::PI;

use crate::{a_law_round_trip, band_pass, filtered, steep_band_pass};

/// A Butterworth high-pass: −3 dB at `hz`, 6 dB an octave for each of its `order`s below (even).
pub fn high_pass(sound: &[i16], hz: f64, order: usize) -> Vec<i16> {
    butterworth(sound, hz, order, true)
}

/// A Butterworth low-pass of an even order.
pub fn low_pass(sound: &[i16], hz: f64, order: usize) -> Vec<i16> {
    butterworth(sound, hz, order, false)
}

fn butterworth(sound: &[i16], hz: f64, order: usize, high: bool) -> Vec<i16> {
    assert!(order.is_multiple_of(2), "a cascade of second-order sections");
    let mut samples: Vec<f64> = sound.iter().map(|sample| f64::from(*sample)).collect();
    for section in 0..order / 2 {
        let quality = 1.0 / (2.0 * (PI * (2 * section + 1) as f64 / (2 * order) as f64).cos());
        second_order(&mut samples, hz, quality, high);
    }
    samples.iter().map(|sample| sample.round().clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// One section by the bilinear transform (R. Bristow-Johnson, Audio EQ Cookbook).
fn second_order(samples: &mut [f64], hz: f64, quality: f64, high: bool) {
    let w = 2.0 * PI * hz / 16_000.0;
    let alpha = w.sin() / (2.0 * quality);
    let (middle, outer) = if high { (-(1.0 + w.cos()), (1.0 + w.cos()) / 2.0) } else { (1.0 - w.cos(), (1.0 - w.cos()) / 2.0) };
    let a0 = 1.0 + alpha;
    let (b0, b1, a1, a2) = (outer / a0, middle / a0, -2.0 * w.cos() / a0, (1.0 - alpha) / a0);
    let [mut x1, mut x2, mut y1, mut y2] = [0.0; 4];
    for sample in samples {
        let x = *sample;
        let y = b0 * x + b1 * x1 + b0 * x2 - a1 * y1 - a2 * y2;
        (x2, x1, y2, y1) = (x1, x, y1, y);
        *sample = y;
    }
}

/// A brick wall on both sides of 300–3400 Hz: what a filter made by a Fourier transform, or a codec in the path, leaves.
pub fn brick_wall(sound: &[i16]) -> Vec<i16> {
    let wide: Vec<f32> = sound.iter().map(|sample| f32::from(*sample)).collect();
    let band = filtered(&wide, &steep_band_pass(300.0, 3400.0, 1_023));
    band.iter().map(|sample| sample.clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// The sending side of a handset on an analogue line (intermediate reference system, ITU-T P.48, table 1; dB at 1 kHz set to 0).
pub fn handset(sound: &[i16]) -> Vec<i16> {
    const SENDING: [(f32, f32); 18] = [
        (100.0, -42.1),
        (125.0, -32.4),
        (160.0, -21.9),
        (200.0, -15.5),
        (250.0, -10.6),
        (315.0, -7.6),
        (400.0, -4.7),
        (500.0, -3.2),
        (630.0, -2.6),
        (800.0, -1.2),
        (1000.0, 0.0),
        (1250.0, 1.4),
        (1600.0, 3.1),
        (2000.0, 4.0),
        (2500.0, 5.5),
        (3150.0, 5.5),
        (4000.0, -33.5),
        (8000.0, -60.0),
    ];
    let gain = |hz: f32| {
        let place = SENDING.iter().position(|(frequency, _)| *frequency >= hz).unwrap_or(SENDING.len() - 1);
        let (low, high) = (SENDING[place.saturating_sub(1)], SENDING[place]);
        let share = if place == 0 { 1.0 } else { (hz / low.0).ln() / (high.0 / low.0).ln() };
        10f32.powf((low.1 + share * (high.1 - low.1)) / 20.0)
    };
    // Frequency sampling: a response of 32 ms without delay, 31.25 Hz apart, its ends faded.
    const POINTS: usize = 512;
    let half = POINTS as i32 / 2 - 1;
    let kernel: Vec<f32> = (-half..=half)
        .map(|n| {
            let angle = 2.0 * std::f32::consts::PI * n as f32 / POINTS as f32;
            let sum: f32 = (1..POINTS / 2).map(|k| 2.0 * gain(k as f32 * 31.25) * (angle * k as f32).cos()).sum();
            sum / POINTS as f32 * (0.5 + 0.5 * (std::f32::consts::PI * n as f32 / half as f32).cos())
        })
        .collect();
    let wide: Vec<f32> = sound.iter().map(|sample| f32::from(*sample)).collect();
    filtered(&wide, &kernel).iter().map(|sample| sample.clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// G.711 A-law at 8 kHz and back, and no filter but the codec's own at 3.7 kHz: what is below 300 Hz stays.
pub fn a_law(sound: &[i16]) -> Vec<i16> {
    let wide: Vec<f32> = sound.iter().map(|sample| f32::from(*sample)).collect();
    let band = filtered(&wide, &band_pass(0.0, 3700.0));
    let mut up = vec![0f32; band.len()];
    for (narrow, kept) in up.iter_mut().zip(&band).step_by(2) {
        *narrow = 2.0 * f32::from(a_law_round_trip(kept.clamp(-32_767.0, 32_767.0) as i16));
    }
    filtered(&up, &band_pass(0.0, 3700.0)).iter().map(|sample| sample.clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// The sound louder or softer by so many dB.
pub fn amplified(sound: &[i16], db: f32) -> Vec<i16> {
    let gain = 10f32.powf(db / 20.0);
    sound.iter().map(|sample| (f32::from(*sample) * gain).clamp(-32_768.0, 32_767.0) as i16).collect()
}
