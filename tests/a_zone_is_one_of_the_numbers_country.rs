//! A restaurant is called by its own clock: a zone that is none of the country its number is in is refused, and a row of before with such a
//! zone is not called before somebody has corrected it.
#![allow(clippy::unwrap_used)]

use offhook::store::claim::claim;
use offhook_test_database::{CALL, TestDatabase, claimant, insert_statement};
use sqlx::{AssertSqlSafe, postgres::PgDatabaseError};

const BERLIN: &str = "+493023125198";

/// Runs a statement; what a person reads where it is refused for the zone: the sentence and the hint.
async fn refusal(database: &TestDatabase, statement: String) -> Option<(String, String)> {
    let error = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&database.pool).await.err()?;
    let error = error.as_database_error().unwrap().downcast_ref::<PgDatabaseError>();
    assert_eq!(error.constraint(), Some("restaurant_zone_is_of_the_country"), "{error}");
    Some((error.message().to_owned(), error.hint().unwrap().to_owned()))
}

fn call(number: &str, zone: &str) -> String {
    let (number, zone) = (format!("'{number}'"), format!("'{zone}'"));
    insert_statement("calls", CALL, &[("number", &number), ("restaurant_zone", &zone), ("consent", "'by e-mail'")])
}

#[tokio::test]
async fn another_countrys_clock_is_refused_with_the_country_and_its_zones() {
    let database = TestDatabase::new().await;
    database.run("update countries set allowed = true").await;
    for (number, zone, country, zones) in [
        (BERLIN, "Asia/Tokyo", "Germany", "that of Europe/Berlin"),
        (BERLIN, "America/New_York", "Germany", "that of Europe/Berlin"),
        (BERLIN, "Etc/GMT+12", "Germany", "that of Europe/Berlin"),
        (BERLIN, "UTC", "Germany", "that of Europe/Berlin"),
        // The same hour in winter alone.
        (BERLIN, "Etc/GMT-1", "Germany", "that of Europe/Berlin"),
        (BERLIN, "Africa/Algiers", "Germany", "that of Europe/Berlin"),
        ("sip:+493023125198@gateway.example.org", "Asia/Tokyo", "Germany", "that of Europe/Berlin"),
        ("sip:004930123456@gateway.example.org", "Asia/Tokyo", "Germany", "that of Europe/Berlin"),
        ("+442079460101", "UTC", "United Kingdom", "that of Europe/London"),
        ("+12125550100", "Europe/Berlin", "United States", "America/New_York, America/Chicago, America/Denver, America/Phoenix"),
        ("+12125550100", "America/Halifax", "United States", "Pacific/Honolulu"),
        ("+18005550100", "Europe/Berlin", "North America", "America/New_York"),
        ("+61291234567", "Pacific/Auckland", "Australia", "Australia/Sydney"),
        ("+551123456789", "Europe/Lisbon", "Brazil", "America/Sao_Paulo"),
    ] {
        let (sentence, hint) =
            refusal(&database, call(number, zone)).await.unwrap_or_else(|| panic!("{number} in {zone} is taken"));
        for part in [zone, country, zones] {
            assert!(sentence.contains(part) && !sentence.contains(number), "{part} of {number} in {zone}: {sentence}");
        }
        assert!(hint.contains("Set restaurant_zone to the zone the restaurant is in, such as"), "{hint}");
    }
    assert_eq!(database.one::<i64>("select count(*) from calls").await, 0);
}

#[tokio::test]
async fn every_zone_of_the_country_and_every_zone_with_its_clock_is_taken() {
    let database = TestDatabase::new().await;
    database.run("update countries set allowed = true").await;
    for (number, zone) in [
        (BERLIN, "Europe/Berlin"),
        (BERLIN, "Europe/Busingen"),
        (BERLIN, "Europe/Paris"),
        ("+442079460101", "Europe/Dublin"),
        ("+3545551234", "UTC"),
        ("+12125550100", "America/Los_Angeles"),
        ("+12125550100", "Pacific/Honolulu"),
        ("+12125550100", "America/Toronto"),
        ("+14165550100", "America/Vancouver"),
        ("+18005550100", "America/Halifax"),
        ("+18765551234", "America/Jamaica"),
        ("+34922123456", "Atlantic/Canary"),
        ("+74951234567", "Asia/Vladivostok"),
        ("+61891234567", "Australia/Perth"),
        ("+551123456789", "America/Manaus"),
        // Northern Cyprus has numbers of Turkey.
        ("+903922231234", "Asia/Famagusta"),
        // Numbers that are in no country, and addresses that are no number, or need not be one.
        ("+80012345678", "Asia/Tokyo"),
        ("sip:trattoria@example.org", "Asia/Tokyo"),
        ("sip:493023125198@pbx.example.org", "Asia/Tokyo"),
    ] {
        assert_eq!(refusal(&database, call(number, zone)).await, None, "{number} in {zone}");
    }
    let without: String = database
        .one("select coalesce(string_agg(code, ' '), '') from countries where code not in (select country from country_zones)")
        .await;
    assert_eq!(without, "001", "every country has a zone");
}

#[tokio::test]
async fn a_change_is_looked_at_as_well_and_an_operator_can_say_where_a_number_rings() {
    let database = TestDatabase::new().await;
    let id = database.insert_call(&[("number", &format!("'{BERLIN}'"))]).await;
    for change in ["restaurant_zone = 'Asia/Tokyo'", "number = '+442079460101'"] {
        assert!(refusal(&database, format!("update calls set {change} where id = {id}")).await.is_some(), "{change}");
    }
    assert_eq!(
        refusal(
            &database,
            format!("update calls set number = '+442079460101', restaurant_zone = 'Europe/London' where id = {id}")
        )
        .await,
        None
    );
    database
        .run(format!(
            "update countries set allowed = true where code = 'JP'; \
             insert into number_ranges values ('{BERLIN}', 'JP', 'landline', 'its telephone is in Tokyo')"
        ))
        .await;
    assert_eq!(refusal(&database, call(BERLIN, "Asia/Tokyo")).await, None);
    assert!(refusal(&database, call(BERLIN, "Europe/Berlin")).await.is_some());
}

#[tokio::test]
async fn a_file_is_held_to_the_same_rule() {
    let database = TestDatabase::new().await;
    let row = |zone: &str| {
        format!(
            r#"jsonb_build_object('number', '{BERLIN}', 'restaurant_name', 'R', 'restaurant_zone', '{zone}', 'guest_name', 'Ada',
               'guest_phone', '+4915112345678', 'party_size', 2, 'wanted_date', current_date + 7, 'wanted_time', '19:30')"#
        )
    };
    let said: String = database
        .one(format!(
            "select offhook_import('{{number,restaurant_name,restaurant_zone,guest_name,guest_phone,party_size,wanted_date,wanted_time}}', \
             jsonb_build_array({}, {}))::text",
            row("Europe/Berlin"),
            row("Asia/Tokyo")
        ))
        .await;
    assert!(said.contains(r#""inserted": 1"#) && said.contains(r#""nth": 1"#), "{said}");
    assert!(said.contains("is not a time zone of the country the number is in (Germany)"), "{said}");
}

#[tokio::test]
async fn a_row_of_before_is_not_called_by_the_wrong_clock_and_says_why() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "", "").await;
    database.run_unruled(format!("update calls set restaurant_zone = 'America/New_York', due_at = now() where id = {id}")).await;
    let claimed = claim(&database.pool, &claimant("one", "here"), 10).await.unwrap().calls;
    assert!(claimed.is_empty(), "nobody is rung");
    let (state, why) = database.state(id).await;
    assert!(state == "queued" && why.as_deref().is_some_and(|why| why.contains("(Germany)")), "{state}: {why:?}");
    let sentence: String = database.one(format!("select offhook_why_not_yet({id})")).await;
    for part in ["It is not made: restaurant_zone \"America/New_York\"", "(Germany)", "such as Europe/Berlin"] {
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
    // It can be changed in every other way, and is called once it is corrected.
    database.run(format!("update calls set priority = 3, party_size = 5 where id = {id}")).await;
    database.run(format!("update calls set restaurant_zone = 'Europe/Berlin' where id = {id}")).await;
    let claimed = claim(&database.pool, &claimant("one", "here"), 10).await.unwrap().calls;
    assert_eq!(claimed.len(), 1);
}

#[tokio::test]
async fn the_programs_know_the_same_zones_as_the_database() {
    let database = TestDatabase::new().await;
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select country, string_agg(zone, ' ' order by nth) from country_zones group by country order by country collate \"C\"",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    let known: Vec<String> = sqlx::query_scalar("select name from restaurant_zones").fetch_all(&database.pool).await.unwrap();
    let text = include_str!("../src/destination/country_zones.txt");
    for (country, zones) in rows {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{country} "))).expect(&country);
        let line: Vec<&str> = line.split(' ').filter(|zone| known.iter().any(|name| name == zone)).collect();
        assert_eq!(line.join(" "), zones, "{country}");
    }
}
