//! What the fuzz target `recording` calls. Nothing here may panic for any input, but where a property is broken.

use std::path::Path;

use super::measuring::measure_from;

/// The file of a worker that died, and the same file cut off in the middle.
pub fn recording(bytes: &[u8]) {
    for file in [bytes, &bytes[..bytes.len() / 2]] {
        if let Ok(recording) = measure_from(file, Path::new("recording.opus")) {
            assert_eq!((recording.bytes, recording.sha256.len()), (file.len() as u64, 64));
        }
    }
}
