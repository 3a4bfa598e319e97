//! Voice activity: the forward pass of Silero VAD v6.2 at 16 kHz, without a runtime.
//!
//! Source: the MIT-licensed weights `silero_vad_op18_ifless.onnx` of the PyPI package silero-vad 6.2.3, stored as f16
//! (licence beside them). The network: 64 samples of context and 512 new ones, 64 more by reflection → STFT of 256 with a
//! hop of 128, magnitudes → four convolutions of width 3 with ReLU → LSTM of 128 → ReLU → 1×1 convolution → sigmoid.
//!
//! Without the 64 samples of context the probabilities collapse on telephone sound, so the context is part of [`Silero`]'s
//! state and cannot be forgotten by a caller.

use std::sync::OnceLock;

use half::f16;

/// Samples in one window: 32 ms at 16 kHz.
pub const WINDOW: usize = 512;
/// Length of a window in milliseconds.
pub const WINDOW_MS: u64 = 32;

/// Samples of the window before that the network sees again.
const CONTEXT: usize = 64;
/// Samples reflected at the end.
const REFLECTED: usize = 64;
/// Samples of one spectrum.
const SPECTRUM: usize = 256;
/// Frequencies of one spectrum.
const BINS: usize = SPECTRUM / 2 + 1;
/// Samples from one spectrum to the next.
const HOP: usize = 128;
/// Spectra of one window.
const SPECTRA: usize = (CONTEXT + WINDOW + REFLECTED - SPECTRUM) / HOP + 1;
/// Cells of the LSTM.
const CELLS: usize = 128;
/// Width of every convolution, in steps.
const KERNEL: usize = 3;

/// Little-endian f16, in the order in which [`Weights::decode`] takes them.
static STORED: &[u8] = include_bytes!("weights/silero_v6_16k.f16");

/// One convolution over time with a padding of one step and ReLU. Weights lie as `[output][step][input]`, so that the
/// inner product runs over neighbours in memory.
struct Convolution {
    inputs: usize,
    outputs: usize,
    stride: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// Everything learned; 1.2 MB, decoded once for the whole process.
struct Weights {
    /// `[2 × BINS][SPECTRUM]`: first the real, then the imaginary part of each frequency, window function included.
    spectrum: Vec<f32>,
    convolutions: [Convolution; 4],
    /// `[4 × CELLS][CELLS]`: input, forget, cell and output gate.
    from_input: Vec<f32>,
    from_memory: Vec<f32>,
    gate_bias: Vec<f32>,
    verdict: Vec<f32>,
    verdict_bias: f32,
}

/// The network with the memory of one stream of sound.
pub struct Silero {
    weights: &'static Weights,
    context: [f32; CONTEXT],
    hidden: [f32; CELLS],
    cell: [f32; CELLS],
    /// Two buffers that the layers take turns in; kept, so that a window allocates nothing.
    layers: [Vec<f32>; 2],
}

impl Default for Silero {
    fn default() -> Self {
        Silero::new()
    }
}

impl Silero {
    /// Returns a fresh stream. The first one of the process decodes the weights (about 2 ms).
    pub fn new() -> Self {
        static WEIGHTS: OnceLock<Weights> = OnceLock::new();
        Silero {
            weights: WEIGHTS.get_or_init(Weights::decode),
            context: [0.0; CONTEXT],
            hidden: [0.0; CELLS],
            cell: [0.0; CELLS],
            layers: [Vec::new(), Vec::new()],
        }
    }

    /// Forgets the stream: the next window is the first.
    pub fn reset(&mut self) {
        self.context = [0.0; CONTEXT];
        self.hidden = [0.0; CELLS];
        self.cell = [0.0; CELLS];
    }

    /// Returns the probability (0 to 1) that there is speech in the next window of the stream: 512 samples at 16 kHz.
    pub fn speech_probability(&mut self, window: &[i16; WINDOW]) -> f32 {
        self.probability(&std::array::from_fn(|i| f32::from(window[i]) / 32_768.0))
    }

    /// The same for samples from −1 to 1.
    pub fn probability(&mut self, window: &[f32; WINDOW]) -> f32 {
        self.magnitudes(window);
        let mut steps = SPECTRA;
        for convolution in &self.weights.convolutions {
            let [input, output] = &mut self.layers;
            steps = convolution.run(input, steps, output);
            self.layers.swap(0, 1);
        }
        debug_assert_eq!(steps, 1, "the strides leave one step for the LSTM");
        self.remember()
    }

    /// Fills the first layer with `SPECTRA` × `BINS` magnitudes and keeps the context for the next window.
    fn magnitudes(&mut self, window: &[f32; WINDOW]) {
        let mut sound = [0f32; CONTEXT + WINDOW + REFLECTED];
        let end = CONTEXT + WINDOW;
        sound[..CONTEXT].copy_from_slice(&self.context);
        sound[CONTEXT..end].copy_from_slice(window);
        self.context.copy_from_slice(&sound[end - CONTEXT..end]);
        for i in 0..REFLECTED {
            sound[end + i] = sound[end - 2 - i];
        }
        let layer = &mut self.layers[0];
        layer.clear();
        for spectrum in 0..SPECTRA {
            let part = &sound[spectrum * HOP..spectrum * HOP + SPECTRUM];
            layer.extend((0..BINS).map(|bin| {
                let real = dot(row(&self.weights.spectrum, bin, SPECTRUM), part);
                let imaginary = dot(row(&self.weights.spectrum, BINS + bin, SPECTRUM), part);
                (real * real + imaginary * imaginary).sqrt()
            }));
        }
    }

    /// One step of the LSTM over the first layer, and the verdict from its memory.
    fn remember(&mut self) -> f32 {
        let weights = self.weights;
        let input = &self.layers[0];
        let mut gates = [0f32; 4 * CELLS];
        for (gate, value) in gates.iter_mut().enumerate() {
            *value = weights.gate_bias[gate]
                + dot(row(&weights.from_input, gate, CELLS), input)
                + dot(row(&weights.from_memory, gate, CELLS), &self.hidden);
        }
        let mut verdict = weights.verdict_bias;
        for i in 0..CELLS {
            let (enter, keep, fresh, leave) = (gates[i], gates[CELLS + i], gates[2 * CELLS + i], gates[3 * CELLS + i]);
            self.cell[i] = sigmoid(keep) * self.cell[i] + sigmoid(enter) * fresh.tanh();
            self.hidden[i] = sigmoid(leave) * self.cell[i].tanh();
            verdict += weights.verdict[i] * self.hidden[i].max(0.0);
        }
        sigmoid(verdict)
    }
}

impl Weights {
    fn decode() -> Self {
        let values: Vec<f32> = STORED.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32()).collect();
        let mut rest = values.as_slice();
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at(count);
            rest = left;
            taken.to_vec()
        };
        let spectrum = take(2 * BINS * SPECTRUM);
        let shapes = [(BINS, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1)];
        let convolutions = shapes.map(|(inputs, outputs, stride)| {
            let weights = steps_before_inputs(&take(outputs * inputs * KERNEL), inputs);
            Convolution { inputs, outputs, stride, weights, bias: take(outputs) }
        });
        let from_input = take(4 * CELLS * CELLS);
        let from_memory = take(4 * CELLS * CELLS);
        let gate_bias = take(4 * CELLS);
        let verdict = take(CELLS);
        let verdict_bias = take(1)[0];
        assert!(rest.is_empty(), "the embedded weights are those of another network");
        Weights { spectrum, convolutions, from_input, from_memory, gate_bias, verdict, verdict_bias }
    }
}

impl Convolution {
    /// `input` holds `steps` × `inputs` values; leaves steps × `outputs` in `output` and says how many steps.
    fn run(&self, input: &[f32], steps: usize, output: &mut Vec<f32>) -> usize {
        let steps_out = (steps - 1) / self.stride + 1;
        output.clear();
        for step in 0..steps_out {
            // The step before the first and the one after the last are zeros: their share is left out.
            let first = step * self.stride;
            let kernel_from = usize::from(first == 0);
            let kernel_to = KERNEL.min(steps + 1 - first);
            let seen = &input[(first + kernel_from - 1) * self.inputs..(first + kernel_to - 1) * self.inputs];
            output.extend((0..self.outputs).map(|out| {
                let kernel = row(&self.weights, out, KERNEL * self.inputs);
                let sum = dot(&kernel[kernel_from * self.inputs..kernel_to * self.inputs], seen);
                (sum + self.bias[out]).max(0.0)
            }));
        }
        steps_out
    }
}

/// From `[output][input][step]`, as stored, to `[output][step][input]`.
fn steps_before_inputs(stored: &[f32], inputs: usize) -> Vec<f32> {
    let mut turned = Vec::with_capacity(stored.len());
    for kernel in stored.chunks_exact(inputs * KERNEL) {
        for step in 0..KERNEL {
            turned.extend((0..inputs).map(|input| kernel[input * KERNEL + step]));
        }
    }
    turned
}

fn row(matrix: &[f32], row: usize, width: usize) -> &[f32] {
    &matrix[row * width..(row + 1) * width]
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Inner product in sixteen lanes: floating-point sums may not be reordered by the compiler, so the lanes are ours, and
/// it makes vector instructions of them.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    debug_assert_eq!(a.len(), b.len());
    let mut sums = [0f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offhook_test_sounds::busy_seconds;

    use super::*;

    /// 3.2 s: espeak-ng "Good evening, how can I help you? …" through A-law at 8 kHz, pink noise below it.
    static SOUND: &[u8] = include_bytes!("fixtures/evening_16k.i16");
    /// What onnxruntime makes of it with `silero_vad.onnx` of silero-vad 6.2.3, one probability a line.
    static EXPECTED: &str = include_str!("fixtures/evening_16k.probabilities");

    fn windows() -> Vec<[i16; WINDOW]> {
        let samples: Vec<i16> = SOUND.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        samples.chunks_exact(WINDOW).map(|window| window.try_into().unwrap()).collect()
    }

    #[test]
    fn probabilities_are_those_of_the_reference_runtime() {
        let mut silero = Silero::new();
        let expected: Vec<f32> = EXPECTED.lines().map(|line| line.parse().unwrap()).collect();
        let found: Vec<f32> = windows().iter().map(|window| silero.speech_probability(window)).collect();
        assert_eq!(found.len(), expected.len());
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!((found - expected).abs() < 0.01, "window {i}: {found} instead of {expected}");
        }
        let mean = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum::<f32>() / found.len() as f32;
        assert!(mean < 2e-3, "mean difference {mean}");
    }

    #[test]
    fn a_stream_that_was_reset_is_a_fresh_one() {
        let windows = windows();
        let mut silero = Silero::new();
        let first: Vec<f32> = windows.iter().map(|window| silero.speech_probability(window)).collect();
        silero.reset();
        let second: Vec<f32> = windows.iter().map(|window| silero.speech_probability(window)).collect();
        assert_eq!(first, second);
    }

    #[test]
    fn listening_costs_a_small_share_of_a_core() {
        let windows = windows();
        let mut silero = Silero::new();
        let start = busy_seconds();
        for window in windows.iter().cycle().take(1000) {
            silero.speech_probability(window);
        }
        let share = (busy_seconds() - start) / (1000.0 * WINDOW_MS as f64 / 1000.0);
        println!("VAD: {:.2} % of a core", share * 100.0);
        assert!(share < 0.03, "{:.1} % of a core", share * 100.0);
    }
}
