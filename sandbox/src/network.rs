//! A bad network in a box: datagrams are lost, delayed, put out of order and doubled, the same way for the same seed. Pure: it
//! says when a datagram arrives, and who carries it does the rest.

use std::str::FromStr;

use crate::sound::line::Noise;

/// What happens on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// Share of datagrams that never arrive, 0 to 1.
    pub loss: f32,
    /// How many are lost in a row in the mean; up to 1: each for itself.
    pub burst: f32,
    /// What every datagram takes, ms.
    pub delay_ms: u32,
    /// What a datagram may wait in queues beside that, ms: at random, but none overtakes another.
    pub jitter_ms: u32,
    /// Share of datagrams that take another way, 50 ms longer, and are overtaken.
    pub disorder: f32,
    /// Share that arrives twice.
    pub doubled: f32,
}

/// How much longer the other way is, µs.
const DETOUR_US: u64 = 50_000;

impl Weather {
    /// A good network.
    pub const FAIR: Weather = Weather { loss: 0.0, burst: 1.0, delay_ms: 20, jitter_ms: 0, disorder: 0.0, doubled: 0.0 };
}

/// A word of a weather report that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no weather: write e.g. loss=0.05,burst=3,delay=20,jitter=60,disorder=0.05,doubled=0.05 (shares 0 to 1, times in ms)"
)]
pub struct UnknownWeather(String);

impl FromStr for Weather {
    type Err = UnknownWeather;

    fn from_str(text: &str) -> Result<Self, UnknownWeather> {
        let mut weather = Weather::FAIR;
        for word in text.split(',') {
            let unknown = || UnknownWeather(word.to_owned());
            let (name, value) = word.split_once('=').ok_or_else(unknown)?;
            let value: f32 = value.parse().map_err(|_| unknown())?;
            let share = (0.0..=1.0).contains(&value);
            match name {
                "loss" if share => weather.loss = value,
                "disorder" if share => weather.disorder = value,
                "doubled" if share => weather.doubled = value,
                "burst" if (1.0..=100.0).contains(&value) => weather.burst = value,
                "delay" if (0.0..=10_000.0).contains(&value) => weather.delay_ms = value as u32,
                "jitter" if (0.0..=10_000.0).contains(&value) => weather.jitter_ms = value as u32,
                _ => return Err(unknown()),
            }
        }
        Ok(weather)
    }
}

/// One direction of a network.
#[derive(Debug, Clone)]
pub struct Link {
    weather: Weather,
    random: Noise,
    /// Gilbert's model: in its bad state everything is lost.
    bad: bool,
    /// When the last datagram in line arrives, µs.
    last_us: u64,
}

impl Link {
    /// A link with this weather; the seed decides about each datagram.
    pub fn new(weather: Weather, seed: u64) -> Self {
        Link { weather, random: Noise::new(seed), bad: false, last_us: 0 }
    }

    /// When a datagram that leaves at `now_us` arrives: never, once, or twice.
    pub fn carry(&mut self, now_us: u64) -> Vec<u64> {
        if self.loses() {
            return vec![];
        }
        let weather = self.weather;
        let queued = (self.random.uniform() * weather.jitter_ms as f32 * 1000.0) as u64;
        let fastest = now_us + u64::from(weather.delay_ms) * 1000;
        let arrives = if self.random.uniform() < weather.disorder {
            fastest + queued + DETOUR_US
        } else {
            self.last_us = self.last_us.max(fastest + queued);
            self.last_us
        };
        if self.random.uniform() < weather.doubled { vec![arrives, arrives + 1000] } else { vec![arrives] }
    }

    fn loses(&mut self) -> bool {
        let Weather { loss, burst, .. } = self.weather;
        let chance = self.random.uniform();
        if burst <= 1.0 {
            return chance < loss;
        }
        // The bad state lasts `burst` datagrams in the mean and has the share `loss` of them all.
        self.bad = if self.bad { chance >= 1.0 / burst } else { chance < loss / ((1.0 - loss) * burst) };
        self.bad
    }
}

/// Datagrams under way on a link.
#[derive(Debug)]
pub struct UnderWay<T> {
    link: Link,
    datagrams: Vec<(u64, T)>,
}

impl<T: Clone> UnderWay<T> {
    /// Nothing yet.
    pub fn new(link: Link) -> Self {
        UnderWay { link, datagrams: Vec::new() }
    }

    /// A datagram leaves.
    pub fn send(&mut self, now_us: u64, datagram: T) {
        let arrivals = self.link.carry(now_us);
        self.datagrams.extend(arrivals.into_iter().map(|arrives| (arrives, datagram.clone())));
    }

    /// What has arrived by now, with the time at which it did, in that order.
    pub fn arrived(&mut self, now_us: u64) -> Vec<(u64, T)> {
        let mut arrived: Vec<(u64, T)> = self.datagrams.extract_if(.., |(at, _)| *at <= now_us).collect();
        arrived.sort_by_key(|(at, _)| *at);
        arrived
    }

    /// When the next one arrives, µs.
    pub fn next(&self) -> Option<u64> {
        self.datagrams.iter().map(|(at, _)| *at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arrivals of so many datagrams, one each 20 ms.
    fn sent(weather: Weather, count: u64, seed: u64) -> Vec<Vec<u64>> {
        let mut link = Link::new(weather, seed);
        (0..count).map(|index| link.carry(index * 20_000)).collect()
    }

    #[test]
    fn as_much_is_lost_as_said_and_in_rows_as_long_as_said() {
        for (loss, burst) in [(0.01, 1.0), (0.05, 1.0), (0.1, 1.0), (0.05, 4.0), (0.1, 2.0)] {
            let arrivals = sent(Weather { loss, burst, ..Weather::FAIR }, 100_000, 3);
            let lost = arrivals.iter().filter(|arrivals| arrivals.is_empty()).count() as f32;
            assert!((lost / 100_000.0 - loss).abs() < 0.1 * loss, "{lost} of 100000, not {loss}");
            let rows = arrivals.windows(2).filter(|pair| pair[0].is_empty() && !pair[1].is_empty()).count() as f32;
            let expected = if burst > 1.0 { burst } else { 1.0 / (1.0 - loss) };
            assert!((lost / rows - expected).abs() < 0.15 * expected, "rows of {}, not {expected}", lost / rows);
        }
    }

    #[test]
    fn queues_delay_without_disorder_and_detours_with_it() {
        let arrivals: Vec<u64> = sent(Weather { jitter_ms: 60, ..Weather::FAIR }, 10_000, 1).concat();
        assert!(arrivals.is_sorted());
        let waits: Vec<u64> = arrivals.iter().zip(0u64..).map(|(at, index)| at - index * 20_000).collect();
        assert!(waits.iter().all(|wait| (20_000..=80_000).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 25_000) && waits.iter().any(|wait| *wait > 75_000));
        let arrivals: Vec<u64> = sent(Weather { disorder: 0.05, ..Weather::FAIR }, 10_000, 1).concat();
        let overtaken = arrivals.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!((400..600).contains(&overtaken), "{overtaken}");
    }

    #[test]
    fn a_weather_report_is_read_or_refused() {
        let weather = Weather { loss: 0.05, burst: 3.0, delay_ms: 0, jitter_ms: 60, disorder: 0.1, doubled: 0.2 };
        assert_eq!("loss=0.05,burst=3,delay=0,jitter=60,disorder=0.1,doubled=0.2".parse(), Ok(weather));
        for nonsense in ["", "loss", "loss=2", "burst=0", "rain=1", "jitter=NaN"] {
            assert!(nonsense.parse::<Weather>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_seed_decides_about_everything() {
        let weather = Weather { loss: 0.1, burst: 2.0, delay_ms: 5, jitter_ms: 30, disorder: 0.1, doubled: 0.1 };
        assert_eq!(sent(weather, 1000, 1), sent(weather, 1000, 1));
        assert_ne!(sent(weather, 1000, 1), sent(weather, 1000, 2));
        assert!((60..140).contains(&sent(weather, 1000, 1).iter().filter(|arrivals| arrivals.len() == 2).count()));
    }
}
