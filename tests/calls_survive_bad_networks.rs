//! A whole call over a bad network: the table is booked all the same, and the attempt's row says how bad the network was.
#![allow(clippy::unwrap_used)]

mod support;

use support::installation::Installation;

/// It is the network that is bad, not the models: a machine that is busy besides makes the sandbox's recogniser slow, and a call whose
/// models answer too late ends without an outcome.
const PATIENT: [(&str, &str); 2] = [("OFFHOOK_LIMIT_PROVIDER_FIRST", "60s"), ("OFFHOOK_LIMIT_PROVIDER_STALL", "60s")];

/// Books a table with the restaurant in this weather, over this codec; packets lost (%), jitter (ms) and MOS from the row.
async fn books_a_table(weather: &str, codec: &str, number: &str) -> (f64, f64, f64) {
    let installation = Installation::start_with(&["--weather", weather], &PATIENT).await;
    installation.ask(&format!("update trunks set codecs = '{{{codec}}}' where name = 'sandbox' returning name")).await;
    let call = installation.insert(number, &[]).await;
    let result = installation.settled(call).await;
    assert_eq!((result.state.as_str(), result.outcome.as_deref()), ("finished", Some("booked")), "{result:#?}");
    assert!(result.recording.unwrap().is_file());
    let figures = installation
        .ask(&format!("select concat_ws(' ', loss_percent, jitter_ms, mos, media) from attempts where call_id = {call}"))
        .await;
    println!("{weather} {codec}: {figures}");
    let mut figures = figures.splitn(4, ' ').map(|figure| figure.parse::<f64>().unwrap_or(f64::NAN));
    (figures.next().unwrap(), figures.next().unwrap(), figures.next().unwrap())
}

#[tokio::test]
async fn lost_packets_are_counted_and_the_table_is_booked() {
    let (loss, _, mos) = books_a_table("loss=0.1,burst=2", "pcma", "+493023125101").await;
    assert!((5.0..16.0).contains(&loss), "{loss} % lost");
    assert!((1.0..4.0).contains(&mos), "MOS {mos}");
}

#[tokio::test]
async fn jitter_disorder_and_doubles_cost_delay_and_no_words() {
    let (loss, jitter, mos) = books_a_table("jitter=60,disorder=0.05,doubled=0.05", "opus", "+442079460101").await;
    assert!(loss < 2.0, "{loss} % lost");
    assert!(jitter > 5.0, "{jitter} ms of jitter");
    assert!((3.0..4.6).contains(&mos), "MOS {mos}");
}
