//! From the model's text to words a voice can say: cut into sentences while it streams, numbers, times, dates and phone
//! numbers turned into the words people use on the telephone. No SSML: few voices understand it, and none the same.

mod amounts;
pub mod chunking;
mod clock_suffix;
pub mod dates;
#[doc(hidden)]
pub mod fuzzing;
mod markup;
pub mod numbers;
pub mod phone;
pub mod scanning;
mod shortenings;
pub mod spoken;
pub mod times;

pub use chunking::Chunker;
pub use dates::date_words;
pub use numbers::{number_words, ordinal_words};
pub use phone::phone_words;
pub use spoken::spoken;
pub use times::time_words;
