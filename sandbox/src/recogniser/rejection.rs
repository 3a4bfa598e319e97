//! Whether what was heard is a phrase of the vocabulary at all.
