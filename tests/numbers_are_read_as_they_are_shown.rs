//! A telephone number is stored as E.164 whatever it was pasted from, or refused with what is wrong with it; every table reads alike.
#![allow(clippy::unwrap_used)]

use offhook_test_database::{CALL, TestDatabase, insert_statement, zone_of};
use phonenumber::metadata::DATABASE;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgDatabaseError};

/// What is written, and what is stored.
const READ: &[(&str, &str)] = &[
    ("+4930123456", "+4930123456"),
    ("+49 30 123456", "+4930123456"),
    (" \t+49 30 12 34 56\r\n", "+4930123456"),
    ("+49-30-12.34.56", "+4930123456"),
    ("+49 30/123456", "+4930123456"),
    ("+49/30/123456", "+4930123456"),
    ("+49 (30) 123456", "+4930123456"),
    ("+49 [30] 123456", "+4930123456"),
    ("(+49) 30 123456", "+4930123456"),
    ("+(49) 30 123456", "+4930123456"),
    ("+ 49 30 123456", "+4930123456"),
    ("0049 30 123456", "+4930123456"),
    ("0049-30-123456", "+4930123456"),
    ("(0049) 30 123456", "+4930123456"),
    ("00 49 30 123456", "+4930123456"),
    // A zero that is dialled within the country only.
    ("+49 (0)30 123456", "+4930123456"),
    ("+49(0)30123456", "+4930123456"),
    ("+49 (0) 30 / 123456", "+4930123456"),
    ("0049 (0) 30-123456", "+4930123456"),
    ("+49 (0)(30) 123456", "+4930123456"),
    ("+49 (030) 123456", "+4930123456"),
    ("+44 (0)20 7946 0101", "+442079460101"),
    ("+31 (0) 20 000 0101", "+31200000101"),
    ("+36 (06) 1 234 5678", "+3612345678"),
    // In Italy a zero belongs to the number.
    ("+39 06 1234 5678", "+390612345678"),
    ("+34 910 000 101", "+34910000101"),
    // Spaces that do not break, or cannot be seen.
    ("+49\u{a0}30\u{202f}123\u{2009}456", "+4930123456"),
    ("+49\u{3000}30\u{2007}123456", "+4930123456"),
    ("\u{202a}+49 30 123456\u{202c}", "+4930123456"),
    ("\u{2068}+49 30 123456\u{2069}", "+4930123456"),
    ("\u{200e}+49\u{200b}30\u{200c}12\u{200d}34\u{200f}56", "+4930123456"),
    ("\u{feff}+4930123456\u{2060}", "+4930123456"),
    ("+49\u{ad}30\u{ad}123456", "+4930123456"),
    ("\u{202d}+4930123456\u{202c}", "+4930123456"),
    ("\u{2066}+4930123456\u{2067}\u{202b}\u{61c}", "+4930123456"),
    // Dashes and slashes of every kind.
    ("+49\u{2010}30\u{2011}12\u{2012}34\u{2013}5\u{2014}6", "+4930123456"),
    ("+49\u{2015}30\u{2212}123456", "+4930123456"),
    ("+49\u{ff0d}30\u{fe63}123456", "+4930123456"),
    ("+49 30\u{2044}123456", "+4930123456"),
    ("+49\u{b7}30\u{2022}123456", "+4930123456"),
    // Digits of other scripts, and a full-width plus.
    ("\u{ff0b}\u{ff14}\u{ff19}\u{ff13}\u{ff10}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}", "+4930123456"),
    ("\u{ff0b}\u{ff14}\u{ff19}\u{3000}\u{ff08}\u{ff10}\u{ff09}\u{ff13}\u{ff10} 123456", "+4930123456"),
    ("+\u{664}\u{669} \u{663}\u{660} \u{661}\u{662}\u{663}\u{664}\u{665}\u{666}", "+4930123456"),
    ("+\u{6f4}\u{6f9}\u{6f3}\u{6f0}\u{6f1}\u{6f2}\u{6f3}\u{6f4}\u{6f5}\u{6f6}", "+4930123456"),
    ("+\u{96a}\u{96f} \u{969}\u{966} \u{967}\u{968}\u{969}\u{96a}\u{96b}\u{96c}", "+4930123456"),
    ("\u{660}\u{660}\u{664}\u{669} 30 123456", "+4930123456"),
    ("+\u{1d7d2}\u{1d7d7}30123456", "+4930123456"),
    // As a URI.
    ("tel:+49-30-123456", "+4930123456"),
    ("TEL:%2B4930123456", "+4930123456"),
    ("tel:+49%2030%20123456", "+4930123456"),
    ("tel:0049(0)30123456", "+4930123456"),
    ("sip:trattoria@example.org", "sip:trattoria@example.org"),
    ("SIP:Trattoria@example.org;transport=tcp", "sip:Trattoria@example.org;transport=tcp"),
    ("\u{200b}sip:tratto\u{ad}ria@example.org\u{a0}", "sip:trattoria@example.org"),
];

/// What is written, and what is said to be wrong with it.
const REFUSED: &[(&str, &str)] = &[
    ("", "it has no digits"),
    ("+", "it has no digits"),
    ("unknown", "it has U+0075 \"u\""),
    ("030 123456", "it has no country code"),
    ("4930123456", "it has no country code"),
    ("(030) 123456", "it has no country code"),
    ("011 49 30 123456", "it has no country code"),
    ("+0 30 123456", "no country code begins with 0"),
    ("+00 49 30 123456", "no country code begins with 0"),
    ("+49 30 1", "it has 5 digits"),
    ("+49 30 1234 5678 9012", "it has 16 digits"),
    ("+49 30 123456 +49 40 123456", "a + stands in the middle"),
    ("++49 30 123456", "a + stands in the middle"),
    ("0049 +30 123456", "a + stands in the middle"),
    // Which zero?
    ("+49 030 123456", "it has a 0 after its country code +49"),
    ("0049030123456", "it has a 0 after its country code +49"),
    ("+49 30 (0) 123456", "it is not clear whether its (0) is dialled"),
    ("+36 06 1 234 5678", "it has a 06 after its country code +36"),
    ("+36 1 (06) 234 5678", "it is not clear whether its (06) is dialled"),
    ("+36 (0)1 234 5678", "numbers of +36 have no 0 that is left out"),
    ("+39 (0)6 12345678", "numbers of +39 have no 0 that is left out"),
    ("+34 (0)910 000 101", "numbers of +34 have no 0 that is left out"),
    ("+1 (0) 212 555 0100", "it is not clear whether its (0) is dialled"),
    // One number, or two?
    ("+49 30 123456/57", "it is not clear what its / means"),
    ("+49 30 12345/67890", "it is not clear what its / means"),
    ("+49 30 12/34/56", "it is not clear what its / means"),
    ("+49 (30 123456", "a bracket in it has no other"),
    ("+49 30) 123456", "a bracket in it has no other"),
    // What is in no number.
    ("+49 30 123456 ext. 7", "it has U+0065 \"e\""),
    ("+49 30 123456,7", "it has U+002C \",\""),
    ("+49 30 123456;7", "it has U+003B \";\""),
    ("+49 30 123456#", "it has U+0023 \"#\""),
    ("+1 800 FLOWERS", "it has U+0046 \"F\""),
    ("+49 3\u{b2} 123456", "it has U+00B2"),
    ("+49 3\u{2460} 123456", "it has U+2460"),
    ("\u{260e} +49 30 123456", "it has U+260E"),
    ("+49 3O 123456", "it has U+004F \"O\""),
    ("+49 30 l23456", "it has U+006C \"l\""),
    ("\u{202e}654321 03 94+\u{202c}", "it has U+202E"),
    ("+49 30 123456\u{1}", "it has U+0001"),
    ("tel:+4930123456;ext=7", "a tel: address with parameters"),
    ("tel:030123456;phone-context=+49", "a tel: address with parameters"),
    ("tel:112", "it has no country code"),
    ("sip:trattoria@exa\u{a0}mple.org", "it has U+00A0"),
    ("sip:tratt\u{202e}oria@example.org", "it has U+202E"),
    ("sip:trattoria", "a SIP address has a user"),
    ("sip:trattoria@example.org?X-Evil=1&Replaces=abc", "it has headers behind a question mark"),
];

async fn stored(pool: &PgPool, insert: &str, said: &str) -> Result<String, String> {
    let stored = sqlx::query_scalar(AssertSqlSafe(insert.to_owned())).bind(said).fetch_one(pool).await;
    stored.map_err(|error| {
        let error = error.as_database_error().unwrap().downcast_ref::<PgDatabaseError>();
        assert!(!error.hint().unwrap_or_default().is_empty(), "{error}");
        error.message().to_owned()
    })
}

#[tokio::test]
async fn every_table_stores_what_a_number_shows_or_says_what_is_wrong_with_it() {
    let database = TestDatabase::new().await;
    let call = |column: &str| match column {
        "number" => insert_statement("calls", CALL, &[])
            .replace("'+4930123456'", "$1")
            .replace("'Europe/Berlin'", &zone_of("offhook_as_stored($1)")),
        _ => insert_statement("calls", CALL, &[]).replace("'+4915112345678'", "$1"),
    };
    let inserts = [
        format!("{} returning number", call("number")),
        "insert into do_not_call (number) values ($1) on conflict (number) do update set reason = 'again' returning number".to_owned(),
        "insert into opening_times (number, weekday, opens, closes) values ($1, 1, '18:00', '23:00') \
         on conflict (number, weekday, opens) do update set closes = '22:00' returning number"
            .to_owned(),
        "insert into closed_days (number, day) values ($1, '2030-12-24') on conflict (number, day) do update set day = excluded.day \
         returning number"
            .to_owned(),
    ];
    for (nth, insert) in inserts.iter().enumerate() {
        for (said, expected) in READ {
            // Tables about numbers keep what an address reaches, however it is written; a call is dialled as it is written.
            let expected = match *expected {
                "sip:Trattoria@example.org;transport=tcp" if nth > 0 => "sip:trattoria@example.org",
                expected => expected,
            };
            assert_eq!(stored(&database.pool, insert, said).await.as_deref(), Ok(expected), "{said:?}: {insert}");
        }
        for (said, why) in REFUSED {
            let refused = stored(&database.pool, insert, said).await.expect_err(said);
            assert!(refused.contains(why), "{said:?}: {refused}\nnot: {why}");
        }
    }
    let guest = format!("{} returning guest_phone", call("guest_phone"));
    assert_eq!(stored(&database.pool, &guest, "+49\u{a0}(0)151 \u{ff11}2345678").await.as_deref(), Ok("+4915112345678"));
    let refused = stored(&database.pool, &guest, "+49 151 12345678 x").await.unwrap_err();
    assert!(refused.contains("guest_phone \"+49 151 12345678 x\"") && refused.contains("U+0078"), "{refused}");
}

/// Whatever is written comes out as E.164, as a SIP address, or with what is wrong; and what came out is read as itself.
#[tokio::test]
async fn nothing_that_is_written_is_stored_as_something_else() {
    let database = TestDatabase::new().await;
    let pieces = [
        "+",
        "00",
        "0",
        "49",
        "(0)",
        "(",
        ")",
        "30",
        "123456",
        " ",
        "-",
        "/",
        ".",
        "\u{a0}",
        "\u{200b}",
        "\u{202e}",
        "\u{ff0b}",
        "\u{ff10}",
        "\u{664}",
        "tel:",
        "sip:",
        "@",
        "x",
        "%2B",
        ";",
        "\\",
        "'",
        "\u{1f4de}",
        "[",
        "*",
        "39",
        "1",
    ];
    let mut random = StdRng::seed_from_u64(7);
    let said: Vec<String> = (0..20_000)
        .map(|_| {
            let plus = if random.random_bool(0.6) { "+49" } else { "" };
            let count = random.random_range(0..9);
            plus.to_owned() + &(0..count).map(|_| pieces[random.random_range(0..pieces.len())]).collect::<String>()
        })
        .collect();
    let (read, stored, wrong): (i64, i64, Option<String>) = sqlx::query_as(
        "select count(*), count(*) filter (where r.fault is null),
                min(said) filter (where case when r.fault is not null then r.number <> said or r.hint is null
                    else not offhook_is_dialable(r.number) or offhook_as_stored(r.number) <> r.number
                         or (r.number like '+%' and r.number ~ '^[+]490') and said !~ '^[+][1-9][0-9]{6,14}$' end)
           from unnest($1::text[]) said cross join lateral offhook_read_number(said) r",
    )
    .bind(&said)
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert_eq!((read, wrong), (20_000, None));
    assert!(stored > 100, "{stored} of them are numbers");
}

#[tokio::test]
async fn one_number_is_one_however_it_is_written() {
    let database = TestDatabase::new().await;
    let run = async |sql: &str| sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&database.pool).await.unwrap().rows_affected();
    let ask =
        async |sql: &str| sqlx::query_scalar::<_, String>(AssertSqlSafe(sql.to_owned())).fetch_one(&database.pool).await.unwrap();
    let id = database.insert_call(&[]).await;
    // The same number in another writing is no change, and a change is read like an insert.
    run(&format!("update calls set number = '+49\u{a0}(0)30 123456' where id = {id}")).await;
    run(&format!("update calls set guest_phone = '0049 151 87654321' where id = {id}")).await;
    assert_eq!(
        ask(&format!("select number || ' ' || guest_phone from calls where id = {id}")).await,
        "+4930123456 +4915187654321"
    );
    // The list of the unwanted has it once, and finds it.
    run("insert into do_not_call (number) values ('+49 30 123456')").await;
    assert_eq!(run("insert into do_not_call (number) values ('\u{202a}0049 30 123456\u{202c}') on conflict do nothing").await, 0);
    assert_eq!(ask("select reason from do_not_call d join calls c using (number)").await, "asked not to be called");
    // And so does an erasure.
    assert_eq!(ask("select offhook_erase('+49 (0)30 / 123456')::text").await, "1");
}

#[tokio::test]
async fn a_trunks_caller_is_a_number_a_name_or_digits_in_its_own_way() {
    let database = TestDatabase::new().await;
    let insert = "insert into trunks (name, host, caller_id) values ('berlin', 'h', $1) \
                  on conflict (name) do update set caller_id = excluded.caller_id returning caller_id";
    for (said, expected) in [
        ("+4930123456", "+4930123456"),
        ("\u{202a}+49 (0)30\u{a0}123456\u{202c}", "+4930123456"),
        ("tel:+49-30-123456", "+4930123456"),
        ("+49-30-123456", "+4930123456"),
        ("\u{ff0b}\u{ff14}\u{ff19}30123456", "+4930123456"),
        // As the trunk wants it.
        ("004930123456", "004930123456"),
        ("030 123\u{2011}456", "030123456"),
        ("\u{663}\u{660}123456", "30123456"),
        ("4930123456", "4930123456"),
        ("off\u{ad}hook", "offhook"),
        ("front-desk_1.b", "front-desk_1.b"),
    ] {
        assert_eq!(stored(&database.pool, insert, said).await.as_deref(), Ok(expected), "{said:?}");
    }
    for (said, why) in
        [("+49 30 123456 x", "U+0020"), ("\u{202e}030", "U+202E"), ("caf\u{e9}", "U+00E9 \"\u{e9}\""), ("", "is not the user")]
    {
        let refused = stored(&database.pool, insert, said).await.unwrap_err();
        assert!(refused.contains(why), "{said:?}: {refused}");
    }
    let asserted = "insert into trunks (name, host, asserted_identity) values ('bremen', 'h', $1) \
                    on conflict (name) do update set asserted_identity = excluded.asserted_identity returning asserted_identity";
    for (said, expected) in [
        ("tel:+49 (0)30\u{a0}123456", "tel:+4930123456"),
        ("tel:030-123456;phone-context=example.org", "tel:030-123456;phone-context=example.org"),
        ("\u{200b}sip:+49\u{ad}30123456@example.org", "sip:+4930123456@example.org"),
    ] {
        assert_eq!(stored(&database.pool, asserted, said).await.as_deref(), Ok(expected), "{said:?}");
    }
}

#[tokio::test]
async fn what_is_left_out_after_a_country_code_is_what_the_numbering_plans_say() {
    let database = TestDatabase::new().await;
    for code in 1..1000_u16 {
        let Some(plans) = DATABASE.by_code(&code) else { continue };
        let prefix = plans[0].national_prefix().filter(|prefix| ["0", "06", "8"].contains(prefix)).map(str::to_owned);
        let same = plans.iter().all(|plan| plan.national_prefix() == prefix.as_deref());
        let expected = prefix.filter(|_| same);
        let (calling_code, prefix): (Option<String>, Option<String>) =
            sqlx::query_as("select offhook_calling_code($1), offhook_national_prefix($1)")
                .bind(code.to_string())
                .fetch_one(&database.pool)
                .await
                .unwrap();
        assert_eq!((calling_code, prefix), (Some(code.to_string()), expected), "+{code}");
    }
}
