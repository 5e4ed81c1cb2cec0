//! Cuts a stream of MessagePack objects, which carry no length prefix, into whole objects.
//!
//! The scan walks markers and lengths only, never recurses and remembers where it stopped, so that bad bytes cost at
//! most [`OBJECT_SIZE_MAX`]. It does not decode: see [`super::wire`].

/// The largest object that is accepted, in bytes: a member list of some twenty thousand hosts.
pub const OBJECT_SIZE_MAX: usize = 4 * 1024 * 1024;

/// A stream that cannot be cut any further; the connection must be closed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// The marker that MessagePack never uses.
    #[error("byte {0:#04x} begins no object")]
    Marker(u8),
    /// Larger than any sane answer.
    #[error("an object exceeds {OBJECT_SIZE_MAX} bytes")]
    TooLarge,
}

/// Bytes received and not yet handed out.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Bytes of the first object that have been walked.
    walked: usize,
    /// Objects still wanted to complete the first one; 0 before its first byte.
    wanted: u64,
}

impl Frames {
    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole object, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// The stream cannot be an answer of serf.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        if self.wanted == 0 {
            self.wanted = 1;
        }
        while self.wanted > 0 {
            let rest = self.buffer.get(self.walked..).unwrap_or_default();
            let Some(item) = measure(rest)? else { return Ok(None) };
            let end = self.walked.saturating_add(item.length);
            if end > OBJECT_SIZE_MAX {
                return Err(FrameError::TooLarge);
            }
            if end > self.buffer.len() {
                return Ok(None);
            }
            self.walked = end;
            self.wanted = (self.wanted - 1).saturating_add(item.children);
        }
        let rest = self.buffer.split_off(self.walked);
        self.walked = 0;
        Ok(Some(std::mem::replace(&mut self.buffer, rest)))
    }
}

/// One marker with its payload: bytes to skip, and how many objects it announces behind them.
struct Item {
    length: usize,
    children: u64,
}

fn measure(bytes: &[u8]) -> Result<Option<Item>, FrameError> {
    let Some(&marker) = bytes.first() else { return Ok(None) };
    let plain = |length: usize| Some(Item { length, children: 0 });
    let number = |width: usize| {
        bytes
            .get(1..1 + width)
            .map(|b| b.iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte)))
    };
    let payload = |width: usize, extra: usize| {
        number(width).map(|n| Item {
            length: usize::try_from(n)
                .unwrap_or(usize::MAX)
                .saturating_add(1 + width + extra),
            children: 0,
        })
    };
    let group = |width: usize, per_entry: u64| {
        number(width).map(|n| Item {
            length: 1 + width,
            children: n.saturating_mul(per_entry),
        })
    };
    Ok(match marker {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => plain(1),
        0x80..=0x8f => Some(Item {
            length: 1,
            children: u64::from(marker & 0x0f) * 2,
        }),
        0x90..=0x9f => Some(Item {
            length: 1,
            children: u64::from(marker & 0x0f),
        }),
        0xa0..=0xbf => plain(1 + usize::from(marker & 0x1f)),
        0xc1 => return Err(FrameError::Marker(marker)),
        0xc4 | 0xd9 => payload(1, 0),
        0xc5 | 0xda => payload(2, 0),
        0xc6 | 0xdb => payload(4, 0),
        0xc7 => payload(1, 1),
        0xc8 => payload(2, 1),
        0xc9 => payload(4, 1),
        0xcc | 0xd0 => plain(2),
        0xcd | 0xd1 => plain(3),
        0xca | 0xce | 0xd2 => plain(5),
        0xcb | 0xcf | 0xd3 => plain(9),
        0xd4 => plain(3),
        0xd5 => plain(4),
        0xd6 => plain(6),
        0xd7 => plain(10),
        0xd8 => plain(18),
        0xdc => group(2, 1),
        0xdd => group(4, 1),
        0xde => group(2, 2),
        0xdf => group(4, 2),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(serde::Serialize)]
    struct Sample {
        names: Vec<String>,
        #[serde(rename = "Error")]
        error: Option<u64>,
        figures: (f64, i64, u32, bool),
    }

    fn sample() -> Vec<u8> {
        let names = (0..40).map(|n| "n".repeat(n * 9)).collect();
        rmp_serde::to_vec_named(&Sample {
            names,
            error: None,
            figures: (0.5, -70_000, 70_000, true),
        })
        .unwrap()
    }

    #[test]
    fn objects_are_cut_wherever_the_packets_end() {
        let one = sample();
        let stream = [one.clone(), vec![0x07], one.clone()].concat();
        for step in [1, 7, 300, stream.len()] {
            let mut frames = Frames::default();
            let mut objects = Vec::new();
            for packet in stream.chunks(step) {
                frames.push(packet);
                while let Some(object) = frames.take().unwrap() {
                    objects.push(object);
                }
            }
            assert_eq!(objects, [one.clone(), vec![0x07], one.clone()]);
        }
    }

    #[test]
    fn an_announced_giant_is_refused_before_it_arrives() {
        let mut frames = Frames::default();
        frames.push(&[0xdb, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(frames.take(), Err(FrameError::TooLarge));
    }

    #[test]
    fn endless_nesting_ends_at_the_bound() {
        let mut frames = Frames::default();
        frames.push(&vec![0x91; OBJECT_SIZE_MAX + 1]);
        assert_eq!(frames.take(), Err(FrameError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_or_refused_and_none_is_lost(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut frames = Frames::default();
            frames.push(&bytes);
            let mut seen = Vec::new();
            while let Ok(Some(object)) = frames.take() {
                prop_assert!(!object.is_empty());
                seen.extend(object);
            }
            seen.extend(&frames.buffer);
            prop_assert_eq!(seen, bytes);
        }
    }
}
