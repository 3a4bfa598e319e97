//! Sound that was said before, the least recently used dropped first.

use std::{collections::HashMap, sync::Arc};

/// A cache bounded by the bytes of its samples.
#[derive(Debug)]
pub struct SoundCache {
    capacity: usize,
    used: usize,
    clock: u64,
    entries: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    sound: Arc<Vec<i16>>,
    last_use: u64,
}

impl SoundCache {
    /// A cache of at most this many bytes; 0 keeps nothing.
    pub fn new(capacity: usize) -> Self {
        SoundCache { capacity, used: 0, clock: 0, entries: HashMap::new() }
    }

    /// The sound kept under this key.
    pub fn find(&mut self, key: &str) -> Option<Arc<Vec<i16>>> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.last_use = self.clock;
        Some(Arc::clone(&entry.sound))
    }

    /// Keeps a sound, if it fits at all, and drops what has not been used for longest.
    pub fn keep(&mut self, key: String, sound: Arc<Vec<i16>>) {
        let bytes = sound.len() * 2;
        if bytes > self.capacity {
            return;
        }
        self.forget(&key);
        while self.used + bytes > self.capacity {
            // Some hundred entries at most: a scan is cheaper than keeping a second structure in order.
            let Some(oldest) = self.entries.iter().min_by_key(|(_, entry)| entry.last_use).map(|(key, _)| key.clone()) else {
                break;
            };
            self.forget(&oldest);
        }
        self.clock += 1;
        self.used += bytes;
        self.entries.insert(key, Entry { sound, last_use: self.clock });
    }

    fn forget(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.used -= entry.sound.len() * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(samples: usize) -> Arc<Vec<i16>> {
        Arc::new(vec![0; samples])
    }

    #[test]
    fn what_was_used_last_stays() {
        let mut cache = SoundCache::new(400);
        cache.keep("a".into(), sound(100));
        cache.keep("b".into(), sound(100));
        assert!(cache.find("a").is_some());
        cache.keep("c".into(), sound(100));
        assert!(cache.find("b").is_none());
        assert!(cache.find("a").is_some() && cache.find("c").is_some());
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let mut cache = SoundCache::new(1_000);
        for turn in 0..100 {
            cache.keep(format!("{}", turn % 7), sound(turn * 10));
            assert!(cache.used <= 1_000);
            let held: usize = cache.entries.values().map(|entry| entry.sound.len() * 2).sum();
            assert_eq!(held, cache.used);
        }
    }
}
