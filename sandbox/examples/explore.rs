//! x
use std::{path::Path, time::{Duration, Instant}, collections::HashMap};
use offhook::language::Language;
use offhook_sandbox::{recogniser::{*, vocabulary::*}, sound::{*, line::*}, voice::{cast::*, espeak::*}};
fn times(l: Language) -> Vec<(String,String)> {
    let en = ["seven","half past seven","eight","half past eight","nine","half past nine","quarter past seven","quarter to eight","six","half past six","one","two","half past one","twelve","five"];
    let de = ["sieben uhr","halb acht","acht uhr","halb neun","neun uhr","halb zehn","viertel nach sieben","viertel vor acht","sechs uhr","halb sieben","ein uhr","zwei uhr","halb zwei","zwölf uhr","fünf uhr"];
    let es = ["las siete","las siete y media","las ocho","las ocho y media","las nueve","las nueve y media","las siete y cuarto","las ocho menos cuarto","las seis","las seis y media","la una","las dos","la una y media","las doce","las cinco"];
    let nl = ["zeven uur","half acht","acht uur","half negen","negen uur","half tien","kwart over zeven","kwart voor acht","zes uur","half zeven","een uur","twee uur","half twee","twaalf uur","vijf uur"];
    let t = match l { Language::En=>en, Language::De=>de, Language::Es=>es, Language::Nl=>nl };
    let f = match l { Language::En=>["we could offer you X instead","yes we have a table for four at X","so that is a table for two at X on friday","the kitchen closes at X","I can do X or nothing"],
        Language::De=>["wir könnten ihnen X anbieten","ja wir haben einen tisch für vier um X","also ein tisch für zwei um X am freitag","die küche schließt um X","ginge auch X"],
        Language::Es=>["podríamos ofrecerle a X","sí tenemos una mesa para cuatro a X","entonces una mesa para dos a X el viernes","la cocina cierra a X","podría ser a X"],
        Language::Nl=>["we kunnen u X aanbieden","ja we hebben een tafel voor vier om X","dus een tafel voor twee om X op vrijdag","de keuken sluit om X","kan het ook X"] };
    f.iter().flat_map(|f| t.iter().map(move |t| (f.replace('X', t), String::new()))).collect()
}
fn main() {
    let with_times = std::env::args().nth(1).as_deref() == Some("times");
    let top: usize = std::env::args().nth(2).map(|t| t.parse().unwrap()).unwrap_or(120);
    let base = Vocabulary::from_file(Path::new("sandbox/tests/fixtures/restaurant_phrases.toml")).unwrap();
    let mut v = base.clone();
    if with_times { for l in Language::ALL { for (t,_) in times(l) { v.phrases.push(Phrase { language: l, text: t.clone(), spoken: t }); } } }
    let v = Vocabulary::new(v.phrases);
    let t0 = Instant::now();
    let r = Recogniser::build(v.clone(), &std::env::temp_dir().join("offhook-sandbox")).unwrap();
    println!("{} phrases built in {:?}", v.phrases.len(), t0.elapsed());
    let oov: HashMap<Language, Vec<&str>> = HashMap::from([
      (Language::En, vec!["the weather in london is rather cloudy today","my dog likes to swim in the river","please send the invoice to our accountant","there are seven bridges in this small town","football players earn far too much money","can you tell me the price of a ticket to paris","she sells sea shells on the shore","the train leaves from platform nine","we do not accept animals in the house","my computer does not work any more"]),
      (Language::De, vec!["das wetter ist heute leider ziemlich schlecht","mein hund schwimmt gern im fluss","bitte schicken sie die rechnung an die buchhaltung","der zug fährt von gleis sieben ab","die kinder spielen draußen im garten","ich habe meinen schlüssel verloren","wo ist denn hier der bahnhof","gestern haben wir einen film gesehen","das auto muss in die werkstatt","mein computer ist kaputt"]),
      (Language::Es, vec!["hoy hace mucho calor en la ciudad","mi perro nada en el río","envíe la factura al contable","el tren sale de la vía siete","los niños juegan en el jardín","he perdido las llaves de mi casa","dónde está la estación","ayer vimos una película muy larga","el coche está en el taller","mi ordenador no funciona"]),
      (Language::Nl, vec!["het weer is vandaag helaas erg slecht","mijn hond zwemt graag in de rivier","stuur de factuur naar de boekhouder","de trein vertrekt van spoor zeven","de kinderen spelen buiten in de tuin","ik ben mijn sleutels kwijt","waar is het station","gisteren hebben we een film gezien","de auto moet naar de garage","mijn computer doet het niet meer"])]);
    let snrs = [None, Some(15.0f32), Some(10.0)];
    let every: usize = std::env::var("EVERY").map_or(1, |x| x.parse().unwrap());
    let voices = std::env::var("VOICES").unwrap_or_default();
    let mut rows: Vec<(String, bool, Evidence)> = vec![];
    let mut cpu = Duration::ZERO; let mut n = 0;
    for timbre in CAST.iter().filter(|t| t.role != Role::Template && (voices.is_empty() || voices.contains(t.variant))) {
        let mut ok = [0;3]; let mut cnt=[0;3]; let mut inTop=[0;3];
        for l in Language::ALL {
            let voice = CastVoice { language: l, timbre };
            let m = Manner { voice: voice.espeak_name(), words_a_minute: timbre.speed, pitch: timbre.pitch };
            let ids: Vec<usize> = (0..v.phrases.len()).filter(|i| v.phrases[*i].language == l && i % every == 0).collect();
            let words: Vec<&str> = ids.iter().map(|i| v.phrases[*i].spoken.as_str()).chain(oov[&l].iter().copied()).collect();
            let sounds: Vec<Sound> = words.chunks(40).flat_map(|w| speak_each(&m, w, Duration::from_secs(60)).unwrap()).collect();
            for (k, s) in sounds.iter().enumerate() {
                for (c, snr) in snrs.iter().enumerate() {
                    let line = telephone(s, *snr, (k*7+c) as u64);
                    let t = Instant::now();
                    let f = r.features(&line.samples, line.rate);
                    let e = r.evidence(&f, top);
                    cpu += t.elapsed(); n += 1;
                    let inv = k < ids.len();
                    if inv {
                        cnt[c]+=1; if e.d.first().is_some_and(|d| d.1 as usize == ids[k]) { ok[c]+=1 } else if with_times || true { if std::env::var("V").is_ok() { println!("{timbre:?} {snr:?}: {:?} heard {:?}  {:?} {:?}", words[k], v.phrases[e.d[0].1 as usize].spoken, e.d[0].0, e.d.iter().find(|d| d.1 as usize==ids[k])); } }
                        if e.coarse_rank.iter().take(top).any(|d| d.1 as usize == ids[k]) { inTop[c]+=1 }
                    }
                    let right = inv && e.d.first().is_some_and(|d| d.1 as usize == ids[k]);
                    if !inv || right { rows.push((format!("{}{:?}", if inv {"in "} else {"out "}, snr), inv, e)); }
                }
            }
        }
        println!("{:10} {:?}/{:?} in top {:?}", timbre.variant, ok, cnt, inTop);
    }
    println!("cpu/utt {:?}", cpu / n);
    if std::env::var("SHORT").is_ok() { return; }
    // noise and tones
    let mut add = |name: &str, f: &mut dyn FnMut(usize)->f32| for len in [8000usize, 16000, 24000] {
        let s: Vec<f32> = (0..len).map(|i| f(i)).collect();
        let fe = r.features(&to_i16(&s), 8000);
        let e = r.evidence(&fe, top); rows.push((format!("noise {name}"), false, e)); };
    for seed in 0..10 { let mut w = Noise::new(seed); add("white", &mut |_| w.white()*0.05); let mut w = Noise::new(seed+50); add("pink", &mut |_| w.pink()*0.05);
      let mut w = Noise::new(seed+90); add("bursts", &mut |i| if (i/ (800+seed as usize*100)) % 3 == 0 { w.pink()*0.1 } else {0.001*w.white()}); }
    for hz in [350.0f32, 425.0, 440.0, 1000.0, 1400.0] { let tone = move |i: usize| (i as f32*hz*std::f32::consts::TAU/8000.0).sin()*0.1;
      add("tone", &mut |i| tone(i)); add("busy", &mut |i| if (i/4000)%2==0 {tone(i)} else {0.0}); add("ring", &mut |i| if i<8000 {tone(i)} else {0.0}); add("dtmf", &mut |i| if (i/800)%2==0 {tone(i)+(i as f32*(hz+800.0+(i/1600) as f32*70.0)*std::f32::consts::TAU/8000.0).sin()*0.1} else {0.0}); }
    let feats: Vec<(&str, fn(&Evidence)->f32)> = vec![
        ("d1", |e| e.d.first().map_or(9.0,|d| d.0)),
        ("d1/floor", |e| e.d.first().map_or(9.0,|d| d.0)/e.floor),
        ("d1-floor", |e| e.d.first().map_or(9.0,|d| d.0)-e.floor),
        ("d1/d5", |e| e.d.first().map_or(9.0,|d| d.0)/e.d.get(4).map_or_else(|| e.d.first().map_or(9.0,|d| d.0*1.35), |d| d.0)),
        ("d1/crowd", |e| e.d.first().map_or(9.0,|d| d.0)/ (if e.coarse_rank.is_empty() {1.0} else { e.coarse_rank[e.coarse_rank.len()/2].0 })),
        ("c1/crowd", |e| if e.coarse_rank.is_empty() {1.0} else { e.coarse_rank[0].0/ e.coarse_rank[e.coarse_rank.len()/2].0 }),
        ("d1/floor*d1/crowd", |e| e.d.first().map_or(9.0,|d| d.0*d.0)/ e.floor / (if e.coarse_rank.is_empty() {1.0} else { e.coarse_rank[e.coarse_rank.len()/2].0 })),
    ];
    for (name, f) in feats {
        let mut inn: Vec<f32> = rows.iter().filter(|r| r.1).map(|r| f(&r.2)).collect(); inn.sort_by(f32::total_cmp);
        let q = |v: &Vec<f32>, p: f32| v[((v.len()-1) as f32*p) as usize];
        print!("{name:18} in 1% {:.3} 50% {:.3} 95% {:.3} 99% {:.3} 99.5% {:.3} max {:.3}", q(&inn,0.01), q(&inn,0.5), q(&inn,0.95), q(&inn,0.99), q(&inn,0.995), q(&inn,1.0));
        let mut groups: HashMap<String, Vec<f32>> = HashMap::new();
        for r in rows.iter().filter(|r| !r.1) { groups.entry(r.0.clone()).or_default().push(f(&r.2)); }
        let th = q(&inn, 0.99); let th5 = q(&inn, 0.995);
        let mut g: Vec<_> = groups.into_iter().collect(); g.sort_by(|a,b| a.0.cmp(&b.0));
        for (k, mut v) in g { v.sort_by(f32::total_cmp); print!(" | {k}: min {:.3} 5% {:.3} med {:.3} rej {:.2}/{:.2}", v[0], q(&v,0.05), q(&v,0.5), v.iter().filter(|x| **x>th).count() as f32/v.len() as f32, v.iter().filter(|x| **x>th5).count() as f32/v.len() as f32); }
        println!();
    }
    for (k, inv) in [("in None",true),("in Some(15.0)",true),("in Some(10.0)",true)] { let mut f: Vec<f32> = rows.iter().filter(|r| r.1==inv && r.0==k).map(|r| r.2.d[0].0/r.2.floor).collect(); f.sort_by(f32::total_cmp); println!("{k} d1/floor 50 {:.3} 99 {:.3}", f[f.len()/2], f[f.len()*99/100]); }
}
