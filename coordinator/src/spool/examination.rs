//! Whether the spool could be used, without leaving or changing anything.

use std::{fs, path::Path};

use rustix::process::{getegid, geteuid, getgroups};

use super::{ContainerUser, Spool};

/// The bit of CAP_CHOWN (capabilities(7)).
const CAP_CHOWN: u32 = 0;

/// A spool that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// A file where a folder has to be.
    #[error("{0} is no folder; set OFFHOOK_SPOOL to a folder")]
    NoFolder(String),
    /// No right to write.
    #[error(
        "{path} cannot be {what} by this user ({reason}); give the user the right to write there, or set OFFHOOK_SPOOL to another folder"
    )]
    Unwritable {
        /// Where.
        path: String,
        /// Written, or created.
        what: &'static str,
        /// What the kernel says.
        reason: String,
    },
    /// No right to give files away.
    #[error(
        "files in {path} cannot be given to user {owner} by this user; run offhook as root, or set OFFHOOK_CONTAINER_USER={own}, the user it runs as"
    )]
    NotOurs {
        /// The spool.
        path: String,
        /// The container's user.
        owner: ContainerUser,
        /// Who we are.
        own: String,
    },
}

impl Spool {
    /// Says whether the root is there or could be created, could be written, and whether its files could be given to `owner`.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn examine(&self, owner: Option<ContainerUser>) -> Result<String, Unusable> {
        let path = self.root.display().to_string();
        let (exists, place) = match self.root.ancestors().find(|place| place.exists()) {
            Some(place) => (place == self.root, place),
            None => (false, Path::new(".")),
        };
        if !place.is_dir() {
            return Err(Unusable::NoFolder(place.display().to_string()));
        }
        // Rights do not tell of a full disk, nor of a file system that makes no folders (/proc): one is made, and taken away at once.
        let probe = place.join(format!(".offhook-check.{}", std::process::id()));
        fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)).map_err(|error| Unusable::Unwritable {
            path: path.clone(),
            what: if exists { "written" } else { "created" },
            reason: error.to_string(),
        })?;
        if let Some(owner) = owner.filter(|owner| !may_give_to(owner)) {
            let own = format!("{}:{}", geteuid().as_raw(), getegid().as_raw());
            return Err(Unusable::NotOurs { path, owner, own });
        }
        Ok(if exists { format!("{path} can be written") } else { format!("{path} is not there; it would be created") })
    }
}

/// Whether files of ours may become theirs: with CAP_CHOWN anybody's, else only our own, in a group that we are in (chown(2)).
fn may_give_to(owner: &ContainerUser) -> bool {
    let groups = || getgroups().unwrap_or_default();
    let own = owner.uid == geteuid().as_raw()
        && (owner.gid == getegid().as_raw() || groups().iter().any(|group| group.as_raw() == owner.gid));
    own || has_capability(&fs::read_to_string("/proc/self/status").unwrap_or_default(), CAP_CHOWN)
}

/// Whether `bit` is among the effective capabilities of a process, by its /proc/…/status (proc(5)).
fn has_capability(status: &str, bit: u32) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> bit & 1 == 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn looking_at_a_spool_creates_nothing() {
        let root = std::env::temp_dir().join(format!("offhook-examined-{}", std::process::id()));
        let spool = Spool::new(root.join("spool"));
        assert!(spool.examine(None).unwrap().contains("would be created"));
        assert!(!root.exists());
        fs::create_dir(&root).unwrap();
        assert_eq!(Spool::new(&root).examine(None).unwrap(), format!("{} can be written", root.display()));
        fs::write(root.join("spool"), b"").unwrap();
        assert!(matches!(spool.examine(None), Err(Unusable::NoFolder(_))));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_spool_where_no_folder_can_be_made_is_none() {
        let said = Spool::new("/proc/offhook/spool").examine(None).unwrap_err().to_string();
        assert!(said.contains("/proc/offhook/spool cannot be created") && said.contains("OFFHOOK_SPOOL"), "{said}");
    }

    #[test]
    fn who_may_give_files_away_is_read_from_the_capabilities() {
        assert!(has_capability("Name:\tx\nCapEff:\t000001ffffffffff\n", CAP_CHOWN));
        assert!(!has_capability("CapEff:\t0000000000000000\n", CAP_CHOWN));
        assert!(!has_capability("", CAP_CHOWN));
        let own = ContainerUser { uid: geteuid().as_raw(), gid: getegid().as_raw() };
        assert!(may_give_to(&own));
    }
}
