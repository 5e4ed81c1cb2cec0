//! The few words of rtnetlink (linux/rtnetlink.h) that tell whether an interface is up and has carrier: building one
//! request, reading the answers. Pure; the socket is in [`crate::carrier`]. Bytes are in the host's own order.

/// Group of link changes, as bound by the socket.
pub const GROUP_LINK: u32 = 1;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFF_UP: u32 = 1;
const IFF_LOWER_UP: u32 = 1 << 16;
const HEADER: usize = 16;
const LINK_HEADER: usize = 16;

/// What the kernel said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// An interface as it is now.
    Link {
        /// Its name.
        name: String,
        /// Up by the administrator and with carrier.
        carrier: bool,
    },
    /// An interface is gone.
    Gone {
        /// Its name.
        name: String,
    },
    /// The request with this number failed: there is no such interface.
    Failed {
        /// As given to [`link_request`].
        sequence: u32,
    },
}

/// Asks for the interface called `name`.
#[must_use]
pub fn link_request(name: &str, sequence: u32) -> Vec<u8> {
    let value_length = name.len() + 1;
    let attribute_length = 4 + value_length;
    let length = HEADER + LINK_HEADER + align(attribute_length);
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
    bytes.extend(RTM_GETLINK.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend([0; LINK_HEADER]);
    bytes.extend(u16::try_from(attribute_length).unwrap_or(u16::MAX).to_ne_bytes());
    bytes.extend(IFLA_IFNAME.to_ne_bytes());
    bytes.extend(name.as_bytes());
    bytes.resize(length, 0);
    bytes
}

/// Reads a datagram of the kernel; what is not about links, and what is cut off, is left out.
#[must_use]
pub fn read(mut datagram: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    while let (Some(length), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(body) = datagram.get(HEADER..length) else {
            break;
        };
        match kind {
            RTM_NEWLINK | RTM_DELLINK => words.extend(link(kind, body)),
            NLMSG_ERROR if i32_at(body, 0).is_some_and(|code| code != 0) => {
                // The failed request's own header follows the code.
                words.extend(u32_at(body, 4 + 8).map(|sequence| Word::Failed { sequence }));
            }
            _ => {}
        }
        datagram = datagram.get(align(length)..).unwrap_or_default();
    }
    words
}

fn link(kind: u16, body: &[u8]) -> Option<Word> {
    let flags = u32_at(body, 8)?;
    let name = interface_name(body.get(LINK_HEADER..)?)?;
    if kind == RTM_DELLINK {
        return Some(Word::Gone { name });
    }
    Some(Word::Link {
        name,
        carrier: flags & IFF_UP != 0 && flags & IFF_LOWER_UP != 0,
    })
}

fn interface_name(mut attributes: &[u8]) -> Option<String> {
    loop {
        let length = usize::from(u16_at(attributes, 0)?);
        let value = attributes.get(4..length)?;
        if u16_at(attributes, 2)? == IFLA_IFNAME {
            let text = value.split(|byte| *byte == 0).next()?;
            return Some(String::from_utf8_lossy(text).into_owned());
        }
        attributes = attributes.get(align(length)..)?;
    }
}

const fn align(length: usize) -> usize {
    length.saturating_add(3) & !3
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..at + 4)?.try_into().ok().map(i32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u16, flags: u32, name: &str) -> Vec<u8> {
        let mut bytes = link_request(name, 7);
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[HEADER + 8..HEADER + 12].copy_from_slice(&flags.to_ne_bytes());
        bytes
    }

    #[test]
    fn carrier_needs_both_the_administrator_and_the_cable() {
        for (flags, carrier) in [
            (IFF_UP | IFF_LOWER_UP, true),
            (IFF_UP, false),
            (IFF_LOWER_UP, false),
            (0, false),
        ] {
            let words = read(&message(RTM_NEWLINK, flags, "eth1"));
            assert_eq!(
                words,
                [Word::Link {
                    name: "eth1".into(),
                    carrier
                }]
            );
        }
    }

    #[test]
    fn several_messages_share_a_datagram() {
        let error = [
            &36_u32.to_ne_bytes()[..],
            &NLMSG_ERROR.to_ne_bytes(),
            &[0; 10],
            &(-19_i32).to_ne_bytes(),
            &[0; 8],
            &5_u32.to_ne_bytes(),
            &[0; 4],
        ]
        .concat();
        let datagram = [message(RTM_DELLINK, 0, "eth10"), error, message(RTM_NEWLINK, 0, "lo")].concat();
        let expected = [
            Word::Gone { name: "eth10".into() },
            Word::Failed { sequence: 5 },
            Word::Link {
                name: "lo".into(),
                carrier: false,
            },
        ];
        assert_eq!(read(&datagram), expected);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic_nor_loop(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let framed = [&u32::try_from(bytes.len() + 16).unwrap().to_ne_bytes()[..], &RTM_NEWLINK.to_ne_bytes(), &[0; 10], &bytes].concat();
            let _ = read(&framed);
        }
    }
}
