//! Headers that were rendered, by what they are for.

use super::Target;
use super::store::Slot;

#[derive(Debug)]
struct Kept {
    secure: bool,
    host: Option<Box<str>>,
    /// `None`: good for every path that begins with a slash.
    path: Option<Box<str>>,
    header: Option<String>,
    /// What is in it, with the serials.
    cookies: Box<[(Slot, u64)]>,
    /// The jar's count of uses at the last use.
    used: u64,
    /// The cookies do not know of that use.
    unsettled: bool,
}

/// The headers that were used last. They are good for as long as the jar does not change.
#[derive(Debug)]
pub(super) struct HeaderCache {
    kept: Vec<Kept>,
    most: usize,
}

impl HeaderCache {
    /// Keeps `most` headers, and one at least.
    pub(super) fn new(most: usize) -> Self {
        Self { kept: Vec::new(), most: most.max(1) }
    }

    pub(super) fn find(&self, secure: bool, target: &Target<'_>) -> Option<usize> {
        self.kept.iter().position(|kept| {
            kept.secure == secure
                && kept.host.as_deref() == target.host
                && match &kept.path {
                    Some(path) => **path == *target.path,
                    None => target.path.starts_with('/'),
                }
        })
    }

    /// The next one takes the place of another, whose uses are to be settled before.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= self.most
    }

    /// Keeps a header, for its own path only or for any, in place of the one that was not used for longest, and tells where.
    pub(super) fn keep(
        &mut self,
        secure: bool,
        target: &Target<'_>,
        any_path: bool,
        header: Option<String>,
        cookies: Box<[(Slot, u64)]>,
    ) -> usize {
        let kept = Kept {
            secure,
            host: target.host.map(Into::into),
            path: (!any_path).then(|| target.path.into()),
            header,
            cookies,
            used: 0,
            unsettled: false,
        };
        let oldest = (0..self.kept.len()).min_by_key(|place| self.kept[*place].used);
        match oldest.filter(|_| self.is_full()) {
            Some(place) => {
                self.kept[place] = kept;
                place
            }
            None => {
                self.kept.push(kept);
                self.kept.len() - 1
            }
        }
    }

    /// Notes a use of the header at `place` and gives it out.
    pub(super) fn used(&mut self, place: usize, used: u64) -> Option<&str> {
        let kept = self.kept.get_mut(place)?;
        kept.used = used;
        kept.unsettled = true;
        kept.header.as_deref()
    }

    /// The last uses that the cookies do not know of.
    pub(super) fn take_uses(&mut self) -> Vec<(Slot, u64, u64)> {
        let mut uses = Vec::new();
        for kept in self.kept.iter_mut().filter(|kept| kept.unsettled) {
            kept.unsettled = false;
            uses.extend(kept.cookies.iter().map(|(slot, serial)| (*slot, *serial, kept.used)));
        }
        uses
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }
}
