//! Who may and who may not.

use super::{Asking, expect, keys_of, of_every_case};

#[tokio::test]
async fn who_has_the_right_gets_the_answer_with_its_keys_in_order() {
    of_every_case(async |api, case, world, faults| {
        let answer = Asking::good(api, case, world).answer().await;
        expect(faults, "a good request", &answer, case.ok, "");
        if !answer.header("x-openstack-request-id").starts_with("req-") {
            faults.push("the answer names no request id".to_owned());
        }
        let media = if case.is_missing_action() {
            "application/json; charset=UTF-8"
        } else {
            "application/json"
        };
        if answer.header("content-type") != media {
            faults.push(format!("the answer is {}", answer.header("content-type")));
        }
        match case.keys_at("1.0") {
            Some((name, keys)) if keys_of(&answer, name) != keys => {
                faults.push(format!("{name} has the keys {:?}", keys_of(&answer, name)));
            }
            None if case.ok != 204 && !case.is_missing_action() => faults.push("the case names no answer".to_owned()),
            None if case.ok == 204 && !answer.text.is_empty() => faults.push(format!("204 with {}", answer.text)),
            _ => {}
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_no_token_or_a_bad_one_is_401_and_who_has_no_right_403_by_the_route_s_rule() {
    of_every_case(async |api, case, world, faults| {
        for who in [None, Some("nobody")] {
            let answer = Asking {
                who,
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            expect(faults, "a request without a valid token", &answer, 401, "error");
            if answer.header("www-authenticate").is_empty() {
                faults.push("401 without WWW-Authenticate".to_owned());
            }
        }
        let answer = Asking {
            who: Some("member"),
            ..Asking::good(api, case, world)
        }
        .answer()
        .await;
        match case.route.rule {
            Some(rule) => {
                expect(faults, "a member's request", &answer, 403, "forbidden");
                let wanted = format!("Policy doesn't allow {rule} to be performed.");
                if !answer.text.contains(&wanted) {
                    faults.push(format!("a member hears {}", answer.text));
                }
            }
            None => expect(faults, "a member's request", &answer, case.ok, ""),
        }
    })
    .await;
}

#[tokio::test]
async fn who_may_read_reads_everything_and_changes_nothing_and_a_monitor_reports_only() {
    of_every_case(async |api, case, world, faults| {
        if case.route.rule.is_none() {
            return;
        }
        for (who, allowed) in [
            ("system-reader", case.route.method == "get"),
            (
                "service",
                (case.route.method, case.route.path) == ("post", "/v1/notifications"),
            ),
        ] {
            let asking = Asking {
                who: Some(who),
                ..Asking::good(api, case, world)
            };
            let (status, fault) = if allowed { (case.ok, "") } else { (403, "forbidden") };
            expect(faults, who, &asking.answer().await, status, fault);
        }
    })
    .await;
}
