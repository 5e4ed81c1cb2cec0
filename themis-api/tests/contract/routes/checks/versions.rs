//! Each microversion, and each form of a path.

use reqwest::StatusCode;

use super::{Asking, VERSION, expect, fresh_if, keys_of, of_every_case, path};
use crate::cloud::PROJECT;

#[tokio::test]
async fn each_microversion_is_taken_and_named_and_others_are_refused() {
    of_every_case(async |api, case, unchanged, faults| {
        for (asked, is) in [
            ("", "1.0"),
            ("compute 2.1", "1.0"),
            ("instance-ha 1.0", "1.0"),
            ("instance-ha 1.1", "1.1"),
            ("compute 2.1, Instance-HA 1.2", "1.2"),
            ("instance-ha 1.3", "1.3"),
            ("instance-ha latest", "1.3"),
        ] {
            let changed = fresh_if(case.changes(), api).await;
            let answer = Asking {
                version: Some(asked),
                ..Asking::good(api, case, changed.as_ref().unwrap_or(unchanged))
            }
            .answer()
            .await;
            expect(faults, asked, &answer, case.ok, "");
            let (header, vary) = match case.is_masakaris() {
                true => (format!("instance-ha {is}"), "OpenStack-API-Version"),
                false => (String::new(), ""),
            };
            if answer.header(VERSION) != header || answer.header("vary") != vary {
                faults.push(format!("{asked}: {:?}", answer.headers));
            }
            if let Some((name, keys)) = case.keys_at(is)
                && keys_of(&answer, name) != keys
            {
                faults.push(format!("{asked}: {name} has the keys {:?}", keys_of(&answer, name)));
            }
        }
        let changed = fresh_if(case.changes(), api).await;
        let world = changed.as_ref().unwrap_or(unchanged);
        for (asked, status, fault) in [
            ("instance-ha 1.4", 406, "masakariFault"),
            ("instance-ha 2.0", 406, "masakariFault"),
            ("instance-ha 1", 400, "badRequest"),
        ] {
            let answer = Asking {
                version: Some(asked),
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            if case.is_masakaris() {
                expect(faults, asked, &answer, status, fault);
                let vary = if status == 406 { "OpenStack-API-Version" } else { "" };
                if !answer.header(VERSION).is_empty() || answer.header("vary") != vary {
                    faults.push(format!("{asked}: {:?}", answer.headers));
                }
                continue;
            }
            // Ours have no microversions. The first good request may have changed what this one needs.
            if StatusCode::from_u16(answer.status).unwrap().is_server_error() || !answer.header(VERSION).is_empty() {
                faults.push(format!("{asked}: {} {:?}", answer.status, answer.headers));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_path_of_masakari_s_is_found_under_the_project_too_and_with_an_ending() {
    of_every_case(async |api, case, unchanged, faults| {
        if !case.is_masakaris() || case.route.path == "/v1" {
            return;
        }
        for ending in ["", ".json", ".xml"] {
            let changed = fresh_if(case.changes(), api).await;
            let world = changed.as_ref().unwrap_or(unchanged);
            let path = path(case, world, &[]).replacen("/v1", &format!("/v1/{PROJECT}"), 1) + ending;
            let answer = Asking {
                path: path.clone(),
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            expect(faults, &path, &answer, case.ok, "");
        }
    })
    .await;
}
