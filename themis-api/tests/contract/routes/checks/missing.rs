//! Ids that name nothing, paths and methods that no route has.

use super::{Asking, NOBODY, VERSION, expect, of_every_case, path};
use crate::support::send;

#[tokio::test]
async fn what_is_missing_is_404() {
    of_every_case(async |api, case, world, faults| {
        for name in case.placeholders() {
            for id in [NOBODY, "xyz", "NEW", "%ff%00", "%F0%9F%98%80"] {
                let path = path(case, world, &[(name, id)]);
                let answer = Asking {
                    path,
                    ..Asking::good(api, case, world)
                }
                .answer()
                .await;
                let (status, fault) = if case.is_missing_action() {
                    (405, "badMethod")
                } else {
                    (404, "itemNotFound")
                };
                expect(faults, &format!("{{{name}}} = {id}"), &answer, status, fault);
            }
        }
        // The word `new` in place of the last id means an action that no controller has.
        let last = case
            .route
            .path
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_matches(['{', '}']);
        if case.is_masakaris() && case.route.method == "get" && case.placeholders().contains(&last) {
            let path = path(case, world, &[(last, "new")]);
            let answer = Asking {
                path,
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            expect(faults, "new", &answer, 405, "badMethod");
            if !answer.text.contains("'GET' with action: 'new'") {
                faults.push(answer.text);
            }
        }
        // A path below, a slash at the end, a method that no route has.
        let known = path(case, world, &[]);
        for below in [format!("{known}/x/y/z"), format!("{known}/")] {
            if below == "/v1/" {
                continue; // The version document.
            }
            let answer = Asking {
                path: below.clone(),
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            expect(
                faults,
                &below,
                &answer,
                404,
                if case.is_masakaris() { "" } else { "itemNotFound" },
            );
        }
        for method in ["PATCH", "HEAD", "TRACE"] {
            let answer = send(api.request("admin", method, &known)).await;
            expect(faults, method, &answer, 404, "");
            if !answer.header("allow").is_empty() || !answer.header(VERSION).is_empty() {
                faults.push(format!("{method} is answered with {:?}", answer.headers));
            }
        }
    })
    .await;
}
