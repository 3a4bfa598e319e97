//! Rows to begin with: calls, and a trunk that carries them.

use sqlx::AssertSqlSafe;

use crate::TestDatabase;

/// The columns of a valid call.
pub const CALL: &[(&str, &str)] = &[
    ("number", "'+4930123456'"),
    ("restaurant_name", "'Zum Goldenen Löwen'"),
    ("restaurant_zone", "'Europe/Berlin'"),
    ("guest_name", "'Ada Winter'"),
    ("guest_phone", "'+4915112345678'"),
    ("party_size", "4"),
    ("wanted_date", "current_date + 7"),
    ("wanted_time", "'19:30'"),
];

/// The zone of a test's number, as an SQL expression: the first of its country, where it is in one.
pub fn zone_of(number: &str) -> String {
    format!(
        "coalesce((select zone from country_zones where country = (offhook_range({number})).country order by nth limit 1), 'Europe/Berlin')"
    )
}

/// `insert into table …` with the columns of `usual`, those of `instead` replacing or following them. A number without a zone is in
/// one of its country.
pub fn insert_statement(table: &str, usual: &[(&str, &str)], instead: &[(&str, &str)]) -> String {
    let kept = usual.iter().filter(|(column, _)| instead.iter().all(|(other, _)| other != column));
    let (columns, mut values): (Vec<&str>, Vec<String>) =
        kept.chain(instead).map(|(column, value)| (*column, (*value).to_owned())).unzip();
    let given = |column: &str| instead.iter().find(|(name, _)| *name == column).map(|(_, value)| *value);
    let place = columns.iter().position(|column| *column == "restaurant_zone");
    if let (Some(place), Some(number), None) = (place, given("number"), given("restaurant_zone")) {
        values[place] = zone_of(number);
    }
    format!("insert into {table} ({}) values ({})", columns.join(", "), values.join(", "))
}

impl TestDatabase {
    /// A trunk that carries as much as is asked of it.
    pub async fn with_trunk(self) -> TestDatabase {
        self.run(
            "insert into trunks (name, host, port, preference, max_concurrent, calls_per_second, tokens) \
             values ('lab', '127.0.0.1', 5999, 1, 10000, 1000, 50)",
        )
        .await;
        self
    }

    /// Lets German numbers be on every clock of the world: for tests that need it to be noon, or evening, whenever they run.
    pub async fn with_every_clock_in_germany(self) -> TestDatabase {
        self.run(
            "insert into country_zones (country, zone, source) select 'DE', name, 'a test' from restaurant_zones on conflict do nothing",
        )
        .await;
        self
    }

    /// A right row; `columns` are set instead of (or beside) the usual ones, as SQL expressions. Returns its id.
    pub async fn insert_call(&self, columns: &[(&str, &str)]) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(insert_statement("calls", CALL, columns) + " returning id"))
            .fetch_one(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("the row should be taken: {error}"))
    }

    /// Inserts `count` calls to different numbers, around the clock; `columns` and `values` say what else. Returns the first id.
    pub async fn insert_calls(&self, count: usize, columns: &str, values: &str) -> i64 {
        let (columns, values) = match columns {
            "" => (String::new(), String::new()),
            _ => (format!(", {columns}"), format!(", {values}")),
        };
        self.one(format!(
            "with added as (insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, \
             wanted_date, wanted_time, calling_from, calling_to{columns}) \
             select '+4930' || (1000000 + (select count(*) from calls) + g), 'Löwen', 'Europe/Berlin', 'Ada', '+4915112345678', 2, \
             (now() + interval '30 days')::date, '19:30', '00:00', '24:00'{values} from generate_series(1, {count}) g returning id) \
             select min(id) from added"
        ))
        .await
    }

    /// The call's state and the reason for it.
    pub async fn state(&self, id: i64) -> (String, Option<String>) {
        sqlx::query_as("select state::text, why from calls where id = $1").bind(id).fetch_one(&self.pool).await.expect("the call")
    }
}
