use crate::support::{Machine, TENANT};

#[test]
fn what_one_renewed_serves_the_next() {
    let machine = Machine::signed_in();
    machine.expire_veeam(TENANT);
    assert_eq!(machine.get(TENANT, &[]).answer()["source"], "veeam_refresh");
    assert_eq!(machine.get(TENANT, &[]).answer()["source"], "cache");
    machine.assert_no_complaints();
}
