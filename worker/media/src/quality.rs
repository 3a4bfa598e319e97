//! How a listener would rate the sound: the E-model, simplified. An estimate for comparing calls, not a measurement.

use offhook::attempt::CodecName;

/// The rating without any impairment, with all other inputs at their defaults (ITU-T G.107, table 3).
const BEST: f32 = 93.2;

/// What the sound went through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    /// The codec.
    pub codec: CodecName,
    /// Share of the sound that had to be concealed, 0 to 100.
    pub loss_percent: f32,
    /// How much longer the losses are than random ones would be; 1 for random ones (ITU-T G.107, section 7.2.4).
    pub burst_ratio: f32,
    /// From mouth to ear, ms.
    pub delay_ms: f32,
}

/// The mean opinion score, 1 to 4.5.
///
/// R = 93.2 − Id − Ie,eff, and MOS from R (ITU-T G.107, annex B). Id is Cole and Rosenbluth's fit to the G.107 curve ("Voice
/// over IP performance monitoring", 2001). Ie,eff = Ie + (95 − Ie) · Ppl / (Ppl / BurstR + Bpl) (G.107, equation 7-29).
pub fn mean_opinion_score(path: Path) -> f32 {
    let delay = path.delay_ms.max(0.0);
    let delayed = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    let (impairment, robustness) = factors(path.codec);
    let loss = path.loss_percent.clamp(0.0, 100.0);
    let lost = (95.0 - impairment) * loss / (loss / path.burst_ratio.max(1.0) + robustness);
    let rating = (BEST - delayed - impairment - lost).clamp(0.0, 100.0);
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).clamp(1.0, 4.5)
}

/// Ie and Bpl. On the narrowband scale a wideband codec cannot be better than G.711, so both have Ie 0.
fn factors(codec: CodecName) -> (f32, f32) {
    match codec {
        // ITU-T G.113, appendix I: G.711 with the concealment of its appendix I, which ours follows.
        CodecName::Pcmu | CodecName::Pcma => (0.0, 25.1),
        // No recommendation has G.722 with this kind of concealment; it is the same as that of G.711.
        CodecName::G722 => (0.0, 25.1),
        // M. Alahmadi's fit for Opus (Opus_emodel, 2021): 11.3 at 25 kbit/s under random loss.
        CodecName::Opus => (0.0, 11.3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_model() {
        use CodecName::{Opus, Pcma};
        // Codec, loss, burst ratio, delay; the expected column is worked out by hand from the formulas above.
        let table = [
            (Pcma, 0.0, 1.0, 0.0, 4.41),
            (Pcma, 0.0, 1.0, 150.0, 4.33),
            (Pcma, 1.0, 1.0, 60.0, 4.29),
            (Pcma, 5.0, 1.0, 60.0, 3.86),
            (Pcma, 10.0, 1.0, 60.0, 3.34),
            (Pcma, 10.0, 2.0, 60.0, 3.11),
            (Opus, 5.0, 1.0, 60.0, 3.23),
            (Pcma, 0.0, 1.0, 400.0, 3.05),
            (Pcma, 100.0, 1.0, 0.0, 1.18),
        ];
        for (codec, loss_percent, burst_ratio, delay_ms, expected) in table {
            let path = Path { codec, loss_percent, burst_ratio, delay_ms };
            let score = mean_opinion_score(path);
            assert!((score - expected).abs() < 0.02, "{path:?}: {score}, not {expected}");
        }
    }

    #[test]
    fn whatever_is_measured_the_score_stays_on_its_scale() {
        for loss_percent in [-1.0, 0.0, 50.0, 1000.0, f32::INFINITY] {
            for delay_ms in [-5.0, 0.0, 1e9, f32::INFINITY] {
                for burst_ratio in [0.0, 1.0, 1e6] {
                    let score = mean_opinion_score(Path { codec: CodecName::Opus, loss_percent, burst_ratio, delay_ms });
                    assert!((1.0..=4.5).contains(&score), "{loss_percent} {delay_ms} {burst_ratio}: {score}");
                }
            }
        }
    }
}
