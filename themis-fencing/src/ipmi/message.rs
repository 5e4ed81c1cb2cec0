//! IPMI messages as they travel in a session (section 13.8): addresses, checksums, the request sequence.

use ipmi_rs_core::connection::Message;

/// The BMC's own address.
const BMC: u8 = 0x20;
/// The address of remote console software.
const CONSOLE: u8 = 0x81;

/// A reply whose frame is right: the completion code and what follows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u8,
    pub(super) data: Vec<u8>,
}

/// A request to the BMC. `sequence` counts to 63.
pub(super) fn encode(request: &Message, sequence: u8) -> Vec<u8> {
    let head = [BMC, request.netfn_raw() << 2];
    let mut body = vec![CONSOLE, sequence << 2, request.cmd()];
    body.extend_from_slice(request.data());
    let mut bytes = head.to_vec();
    bytes.push(checksum(&head));
    bytes.extend_from_slice(&body);
    bytes.push(checksum(&body));
    bytes
}

/// The reply to exactly this request; `None` for everything else, a late reply to an earlier request above all.
pub(super) fn decode(bytes: &[u8], request: &Message, sequence: u8) -> Option<Reply> {
    let (head, body) = bytes.split_first_chunk::<3>()?;
    if checksum(head) != 0 || checksum(body) != 0 {
        return None;
    }
    let (_, body) = body.split_last()?;
    let (&[_, lun_and_sequence, command, code], data) = body.split_first_chunk::<4>()?;
    let awaited =
        head[1] >> 2 == request.netfn_raw() | 1 && command == request.cmd() && lun_and_sequence >> 2 == sequence;
    awaited.then(|| Reply {
        code,
        data: data.to_vec(),
    })
}

/// The byte that makes the sum zero; of bytes that end with it: zero.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte))
}

/// The reply that a BMC would send, for tests.
#[cfg(test)]
pub(super) fn reply_to(request: &Message, sequence: u8, code: u8, data: &[u8]) -> Vec<u8> {
    let head = [CONSOLE, (request.netfn_raw() | 1) << 2];
    let mut body = vec![BMC, sequence << 2, request.cmd(), code];
    body.extend_from_slice(data);
    let mut bytes = head.to_vec();
    bytes.push(checksum(&head));
    bytes.extend_from_slice(&body);
    bytes.push(checksum(&body));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipmi_rs_core::connection::NetFn;

    fn status() -> Message {
        Message::new_request(NetFn::Chassis, 0x01, Vec::new())
    }

    #[test]
    fn a_request_has_the_documented_frame() {
        // Get Chassis Status with request sequence 5.
        assert_eq!(encode(&status(), 5), [0x20, 0x00, 0xe0, 0x81, 0x14, 0x01, 0x6a]);
    }

    #[test]
    fn only_the_reply_to_this_request_is_taken() {
        let reply = reply_to(&status(), 5, 0, &[0x21, 0x10, 0x40]);
        assert_eq!(
            decode(&reply, &status(), 5),
            Some(Reply {
                code: 0,
                data: vec![0x21, 0x10, 0x40]
            })
        );
        assert_eq!(decode(&reply, &status(), 4), None, "a late reply was taken");
        assert_eq!(
            decode(&reply, &Message::new_request(NetFn::Chassis, 0x02, vec![0]), 5),
            None
        );
        assert_eq!(
            decode(&reply, &Message::new_request(NetFn::App, 0x01, Vec::new()), 5),
            None
        );
        assert_eq!(
            decode(&encode(&status(), 5), &status(), 5),
            None,
            "our own request was taken for the reply"
        );
        for index in 0..reply.len() {
            let mut altered = reply.clone();
            altered[index] ^= 1;
            assert_eq!(decode(&altered, &status(), 5), None, "byte {index}");
        }
    }

    #[test]
    fn a_reply_without_completion_code_is_none() {
        let mut bytes = vec![CONSOLE, 0x04];
        bytes.push(checksum(&bytes.clone()));
        let body = [BMC, 5 << 2, 1];
        bytes.extend(body);
        bytes.push(checksum(&body));
        assert_eq!(decode(&bytes, &status(), 5), None);
    }
}
