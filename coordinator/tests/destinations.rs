//! Whom we may call: countries, ranges, domains and consent, at the insert and again before anything is dialled.

#![allow(clippy::unwrap_used)]

#[path = "support/service.rs"]
mod service;

use offhook::{
    attempt::AttemptSpecification,
    destination::sip_uri::{SipUri, host_in_uri},
    recording::RecordingPolicy,
    store::claim::claim,
};
use offhook_test_database::{TestDatabase, claimant, until, zone_of};
use phonenumber::{Type, metadata::DATABASE};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use service::{Running, TestSpool, config};
use sqlx::AssertSqlSafe;

/// Inserts a call to a number with more columns; returns the constraint, the sentence and the hint of its refusal.
async fn refusal(database: &TestDatabase, number: &str, more: &[(&str, &str)]) -> Option<(String, String, String)> {
    let columns: String = more.iter().map(|(column, _)| format!(", {column}")).collect();
    let values: String = more.iter().map(|(_, value)| format!(", '{value}'")).collect();
    let zone = zone_of(&format!("'{number}'"));
    let sql = format!(
        "insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time{columns}) \
         values ('{number}', 'Löwen', {zone}, 'Ada', '+4915112345678', 2, current_date + 30, '19:30'{values})"
    );
    let error = sqlx::query(AssertSqlSafe(sql)).execute(&database.pool).await.err()?;
    let error = error.as_database_error().unwrap().downcast_ref::<sqlx::postgres::PgDatabaseError>();
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    Some((text(error.constraint()), error.message().to_owned(), text(error.hint())))
}

#[tokio::test]
async fn only_ordinary_numbers_in_countries_that_are_allowed_are_called() {
    let database = TestDatabase::new().await;
    for number in [
        "+4930123456",
        "+4915112345678",
        "+442079460101",
        "+34910000101",
        "+31200000101",
        "+35312345678",
        "+41446681800",
        "+390612345678",
        "+390669812345", // Vatican, over Rome
        "+590590123456", // Guadeloupe
        "sip:loewen@127.0.0.1:5070",
        "sips:trattoria@example.org",
    ] {
        assert_eq!(refusal(&database, number, &[]).await, None, "{number}");
    }
    for (number, sentence, hint) in [
        ("+499001234567", "is a premium-rate number (Germany)", "an ordinary number"),
        ("+4918012345678", "is a shared-cost number (Germany)", "an ordinary number"),
        ("+49116117", "is a short number of a service (Germany)", "an ordinary number"),
        ("+49112000", "is an emergency number (Germany)", "an ordinary number"),
        ("+19115550100", "is an emergency number (United States)", "an ordinary number"),
        ("+447012345678", "is a personal number", "an ordinary number"),
        ("+979112345678", "is a premium-rate number (no country)", "an ordinary number"),
        ("+882161234567", "is a number of an international network", "an ordinary number"),
        ("+881612345678", "is the number of a satellite telephone", "an ordinary number"),
        ("+18765551234", "may not call (Jamaica)", "update countries set allowed = true where code = 'JM'"),
        ("+77012345678", "may not call (Kazakhstan)", "where code = 'KZ'"),
        ("+74951234567", "may not call (Russia)", "where code = 'RU'"),
        ("+441534123456", "may not call (Jersey)", "where code = 'JE'"),
        ("+999123456789", "is in no country", "Check the country code"),
    ] {
        let (constraint, said, hinted) = refusal(&database, number, &[]).await.unwrap_or_else(|| panic!("{number} is taken"));
        assert_eq!(constraint, "destination_is_allowed", "{number}");
        assert!(said.contains(sentence) && !said.contains(number), "{number}: {said}");
        assert!(hinted.contains(hint), "{number}: {hinted}");
    }
    // What the hint says works; so does a range of one's own.
    database
        .run(
            "update countries set allowed = true where code = 'JM'; update countries set allowed = false where code = 'DE'; \
             insert into number_ranges values ('+99912', 'GB', 'landline', 'our own exchange')",
        )
        .await;
    assert_eq!(refusal(&database, "+18765551234", &[]).await, None);
    assert_eq!(refusal(&database, "+999123456789", &[]).await, None);
    assert!(refusal(&database, "+4930123456", &[]).await.is_some());
}

#[tokio::test]
async fn a_sip_address_leads_to_the_same_domain_in_the_policy_and_on_the_wire() {
    let database = TestDatabase::new().await;
    for (number, domain) in [
        ("sip:trattoria@example.org", "example.org"),
        ("sips:trattoria@Example.ORG:5061", "example.org"),
        ("sip:trattoria@127.0.0.1:5070;transport=tcp", "127.0.0.1"),
        ("sip:trattoria@[2001:db8::A]", "[2001:db8::a]"),
        ("sip:trattoria@[::1]:5080?x=y", "[::1]"),
        ("sip:trattoria@example.org?Subject=a:b;c", "example.org"),
        ("sip:hall%40house;phone-context=x:geheim@example.org", "example.org"),
    ] {
        let allowed_by: String =
            sqlx::query_scalar("select offhook_sip_domain($1)").bind(number).fetch_one(&database.pool).await.unwrap();
        let dialled = host_in_uri(SipUri::parse(number).unwrap().host).to_lowercase();
        assert_eq!((allowed_by.as_str(), dialled.as_str()), (domain, domain), "{number}");
    }
}

#[tokio::test]
async fn sip_addresses_lead_to_the_domains_that_are_allowed() {
    let database = TestDatabase::new().await;
    database.run("update installation set sip_domains = '{example.org,127.0.0.1,[::1]}'").await;
    for number in
        ["sip:a@example.org", "sip:a@EXAMPLE.org:5070;transport=tcp", "sips:a@127.0.0.1", "sip:a@[::1]:5060", "+4930123456"]
    {
        assert_eq!(refusal(&database, number, &[]).await, None, "{number}");
    }
    for number in ["sip:a@example.com", "sip:a@example.org.evil.com", "sip:example.org@[::2]"] {
        let (constraint, said, hint) = refusal(&database, number, &[]).await.unwrap();
        assert_eq!(constraint, "destination_is_allowed");
        assert!(said.contains("not among the domains") && hint.contains("update installation"), "{said} {hint}");
    }
}

#[tokio::test]
async fn a_mobile_is_called_with_consent_where_the_law_wants_it() {
    let database = TestDatabase::new().await;
    let american = "+12125550100";
    let (constraint, said, hint) = refusal(&database, american, &[]).await.unwrap();
    assert_eq!(constraint, "mobile_has_consent");
    assert!(said.contains("may be a mobile, and an automated call to a mobile there needs consent (United States)"), "{said}");
    assert!(hint.contains("line_type to landline") && hint.contains("how and when"), "{hint}");
    assert_eq!(refusal(&database, american, &[("line_type", "landline")]).await, None);
    let mobile = refusal(&database, american, &[("line_type", "mobile")]).await.unwrap();
    assert!(mobile.1.contains("is a mobile"), "{}", mobile.1);
    let consent = ("consent", "by e-mail on 2026-11-02");
    assert_eq!(refusal(&database, american, &[("line_type", "mobile"), consent]).await, None);
    assert_eq!(refusal(&database, "+14165550100", &[]).await.unwrap().0, "mobile_has_consent");

    // Where the plan tells mobiles, what the row says does not make one a landline.
    assert_eq!(refusal(&database, "+4915112345678", &[]).await, None);
    database.run("update countries set mobile_needs_consent = true where code = 'DE'").await;
    for more in [&[][..], &[("line_type", "landline")]] {
        assert_eq!(refusal(&database, "+4915112345678", more).await.unwrap().0, "mobile_has_consent");
    }
    assert_eq!(refusal(&database, "+4930123456", &[]).await, None);
    assert_eq!(refusal(&database, "+4930123456", &[("line_type", "mobile")]).await.unwrap().0, "mobile_has_consent");
    // Consent that is taken back takes the call with it: it is told to whoever takes it out.
    database.run("update countries set mobile_needs_consent = false where code = 'DE'").await;
    let taken_back = sqlx::query("update calls set consent = null where consent is not null").execute(&database.pool).await;
    assert!(taken_back.unwrap_err().to_string().contains("needs consent"));
}

#[tokio::test]
async fn mobiles_are_known_by_their_ranges_where_the_plan_tells_them() {
    let database = TestDatabase::new().await;
    for (mobile, landline) in [
        ("+4915112345678", "+4930123456"),
        ("+34612345678", "+34910000101"),
        ("+31612345678", "+31200000101"),
        ("+447400123456", "+442079460101"),
        ("+33612345678", "+33123456789"),
        ("+393123456789", "+390612345678"),
        ("+43664123456", "+431234567890"),
        ("+41781234567", "+41446681800"),
        ("+32470123456", "+3221234567"),
    ] {
        for (number, kind) in [(mobile, "mobile"), (landline, "landline")] {
            assert_eq!(database.one::<String>(format!("select (offhook_range('{number}')).kind")).await, kind, "{number}");
        }
    }
}

/// Whether a kind of number_ranges is dialled.
fn is_ordinary(kind: &str) -> bool {
    ["landline", "mobile", "landline_or_mobile"].contains(&kind)
}

#[tokio::test]
async fn the_ranges_agree_with_the_numbering_plans_of_every_country() {
    let database = TestDatabase::new().await;
    let mut rng = StdRng::seed_from_u64(9_033);
    let (mut numbers, mut told) = (Vec::new(), Vec::new());
    for plan in DATABASE.iter() {
        let descriptors = plan.descriptors();
        let examples = [
            descriptors.fixed_line(),
            descriptors.mobile(),
            descriptors.toll_free(),
            descriptors.premium_rate(),
            descriptors.shared_cost(),
            descriptors.personal_number(),
            descriptors.voip(),
            descriptors.pager(),
            descriptors.uan(),
        ];
        for example in examples.into_iter().flatten().filter_map(|descriptor| descriptor.example()) {
            // The example itself, and others with the same beginning, longer and longer random ends.
            for round in 0..40 {
                let keep = example.len().saturating_sub(round * example.len() / 39);
                let national: String = example
                    .chars()
                    .enumerate()
                    .map(|(at, digit)| if at < keep { digit } else { char::from(b'0' + rng.random_range(0..10u8)) })
                    .collect();
                let number = format!("+{}{national}", plan.country_code());
                // Canada's 310 1234 cannot be dialled from abroad: there it would be Los Angeles.
                if plan.country_code() == 1 && national.len() < 10 {
                    continue;
                }
                let Ok(parsed) = phonenumber::parse(None, &number) else { continue };
                if format!("+{}{}", parsed.country().code(), parsed.national()) != number || !parsed.is_valid() {
                    continue;
                }
                // Where a national number begins with a zero, the crate looks for its country without the zero.
                let country = match parsed.country().id() {
                    _ if national.starts_with('0') => None,
                    id => Some(id.map_or("001".to_owned(), |id| id.as_ref().to_owned())),
                };
                told.push((country, parsed.number_type(&DATABASE)));
                numbers.push(number);
            }
        }
    }
    assert!(numbers.len() > 10_000, "{} numbers", numbers.len());
    let ours: Vec<(Option<String>, Option<String>)> = sqlx::query_as(
        "select r.country, r.kind from unnest($1) with ordinality u (number, nth), offhook_range(number) r order by nth",
    )
    .bind(&numbers)
    .fetch_all(&database.pool)
    .await
    .unwrap();
    let mut countries: std::collections::BTreeSet<&str> = Default::default();
    // Where numbers of two kinds begin alike and only differ in length, the table takes the more careful kind.
    let (mut ordinary, mut refused_all_the_same) = (0, Vec::new());
    for ((number, (country, kind)), ours) in numbers.iter().zip(&told).zip(&ours) {
        let (Some(our_country), Some(our_kind)) = ours else { panic!("{number} has no range") };
        if let Some(country) = country {
            assert_eq!(our_country, country, "{number}");
        }
        countries.insert(our_country);
        let costs_more = matches!(kind, Type::PremiumRate | Type::SharedCost | Type::PersonalNumber | Type::Pager);
        if costs_more {
            assert!(!is_ordinary(our_kind), "{number} is {kind:?} and not {our_kind}");
        } else if our_country != "001" {
            ordinary += 1;
            if !is_ordinary(our_kind) {
                refused_all_the_same.push(number);
            }
        }
        match our_kind.as_str() {
            "mobile" => assert!(matches!(kind, Type::Mobile | Type::FixedLineOrMobile), "{number} is {kind:?}"),
            "landline" => assert!(!matches!(kind, Type::Mobile | Type::FixedLineOrMobile), "{number} is {kind:?}"),
            _ => {}
        }
    }
    println!(
        "{} numbers of {} countries; {} of {ordinary} refused without need",
        numbers.len(),
        countries.len(),
        refused_all_the_same.len()
    );
    assert!(countries.len() > 230, "{} countries", countries.len());
    assert!(
        refused_all_the_same.len() * 200 < ordinary,
        "{} of {ordinary}: {:?}",
        refused_all_the_same.len(),
        &refused_all_the_same
    );
}

#[tokio::test]
async fn what_may_not_be_called_any_more_is_not_dialled() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let first = database.insert_calls(3, "special_requests", "'play: busy'").await;
    let [cancelled, nobodys, premium] = [first, first + 1, first + 2];
    // Queued before an operator changed his mind; a number that looks right and is too short; and a range that was opened by mistake.
    database
        .run(format!(
            "update calls set number = '+33123456789' where id = {cancelled}; \
             update countries set allowed = false where code = 'FR'; \
             update calls set number = '+44201234567', restaurant_zone = 'Europe/London' where id = {nobodys}; \
             insert into number_ranges values ('+499001', 'DE', 'landline', 'a mistake'); \
             update calls set number = '+499001234567' where id = {premium}"
        ))
        .await;
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    for (id, state, disposition, reason) in [
        (cancelled, "cancelled", "cancelled", "in a country offhook may not call (France)"),
        (nobodys, "finished", "invalid_number", "no telephone can have this number"),
        (premium, "finished", "invalid_number", "it is a premium-rate number"),
    ] {
        until(&format!("call {id} is {state}"), || async { database.state(id).await.0 == state }).await;
        let why = database.state(id).await.1.unwrap_or_default();
        assert!(why.contains(reason), "{why}");
        let (ended, dialled): (String, bool) =
            sqlx::query_as("select disposition::text, dialing_at is not null from attempts where call_id = $1")
                .bind(id)
                .fetch_one(&database.pool)
                .await
                .unwrap();
        assert_eq!((ended.as_str(), dialled), (disposition, false));
        assert!(!spool.file(&format!("started-{id}-1")).exists(), "no worker was started");
    }
    running.drain().await;
    assert_eq!(database.one::<i64>("select count(*) from do_not_call").await, 0);
}

#[tokio::test]
async fn a_worker_that_changes_its_trunk_asks_again() {
    let database = TestDatabase::new().await.with_trunk().await;
    database
        .run("insert into trunks (name, host, preference) values ('other', '127.0.0.2', 50); update trunks set fallback = '{other}' where name = 'lab'")
        .await;
    let id = database.insert_calls(1, "", "").await;
    let claimed = claim(&database.pool, &claimant("c", "one"), 1).await.unwrap();
    let token = claimed.calls[0].token.expose().to_owned();
    let ask = format!("select worker_change_trunk('{token}', 2, 'other', '{{\"why\": \"503\"}}')::text");
    database.run("update countries set allowed = false where code = 'DE'").await;
    let refused: String = database.one(ask.clone()).await;
    assert!(refused.contains("\"go\": false") && refused.contains("may not call (Germany)"), "{refused}");
    database.run("update countries set allowed = true where code = 'DE'").await;
    assert!(database.one::<String>(ask).await.contains("\"go\": true"), "call {id}");
}

#[tokio::test]
async fn a_call_is_recorded_as_its_country_has_it() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    database.run("update countries set recording = 'off' where code = 'NL'").await;
    let first = database.insert_calls(5, "special_requests", "'play: wait'").await;
    database
        .run(format!(
            "update calls set number = '+31200000101' where id = {first} + 1; \
             update calls set number = '+12125550100', line_type = 'landline', restaurant_zone = 'America/New_York' where id = {first} + 2; \
             update calls set record = false where id = {first} + 3; \
             update calls set number = 'sip:loewen@127.0.0.1:5999' where id = {first} + 4; \
             update countries set calling_from = null, calling_to = null where code = 'US'; \
             update calls set due_at = now() where state = 'queued'"
        ))
        .await;
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    use RecordingPolicy::{AfterConsent, Announced, Off};
    for (id, policy) in (first..).zip([Announced, Off, AfterConsent, Off, Announced]) {
        until("the worker runs", || async { spool.file(&format!("started-{id}-1")).exists() }).await;
        let read = std::fs::read(spool.file(&format!("{id}-1/attempt.json"))).unwrap();
        let specification: AttemptSpecification = serde_json::from_slice(&read).unwrap();
        let told = (specification.media.recording, specification.media.record, specification.request.record);
        assert_eq!(told, (policy, policy != Off, policy != Off), "call {}", id - first);
    }
    spool.go();
    running.drain().await;
}
