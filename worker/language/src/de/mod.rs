//! German.

mod contesting;
mod dates;
mod do_not_call;
mod naming;
mod numbers;
mod phrases;
mod sentences;
mod times;
mod understanding;
mod who_answered;

use crate::tables::Tables;

pub(crate) const TABLES: Tables = Tables {
    phrases: phrases::PHRASES,
    understanding: understanding::UNDERSTANDING,
    contesting: contesting::CONTESTING,
    do_not_call: do_not_call::DO_NOT_CALL,
    who_answered: who_answered::WHO_ANSWERED,
    sentences: sentences::SENTENCES,
    numbers: numbers::NUMBERS,
    dates: dates::DATES,
    times: times::TIMES,
    naming: naming::NAMING,
};
