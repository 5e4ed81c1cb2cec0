//! From the wire to the binding: the GUID that a reading carries identifies its own host and no other.

use themis_fencing::guid::{self, Identity};
use uuid::Uuid;

use crate::simulator::{Simulator, seconds};

#[tokio::test]
async fn a_reading_binds_its_own_host_and_no_other() {
    let simulator = Simulator::start(2);
    let mut guids = Vec::new();
    for number in [1, 2] {
        let device = simulator.device(number);
        let read = device.read(seconds(2)).await.guid.unwrap();
        let accepted = device.off(seconds(2)).await.unwrap().guid.unwrap();
        assert_eq!(read, accepted, "the command went to another BMC than the reading");
        guids.push(read);
    }
    let hosts: Vec<Uuid> = guids.iter().map(|guid| Uuid::parse_str(guid).unwrap()).collect();
    assert_eq!(guid::compare(Some(&guids[0]), Some(hosts[0])), Identity::Same);
    assert_eq!(guid::compare(Some(&guids[0]), Some(hosts[1])), Identity::Different);
    let smbios = Uuid::from_bytes(hosts[1].to_bytes_le());
    assert_eq!(guid::compare(Some(&guids[1]), Some(smbios)), Identity::Same);
}
