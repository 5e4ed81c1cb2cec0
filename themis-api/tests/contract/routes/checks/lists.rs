//! Lists: every sort key, both ways, page after page.

use super::{of_every_case, path};

#[tokio::test]
async fn masakari_s_lists_are_sorted_by_every_key_both_ways_and_go_on_after_a_marker() {
    of_every_case(async |api, case, world, faults| {
        let Some((name, keys)) = case
            .answer
            .clone()
            .filter(|_| case.route.parameters.contains(&"sort_key"))
        else {
            return;
        };
        let known = path(case, world, &[]);
        let ids = async |query: String| -> Vec<i64> {
            let answer = api.get(&format!("{known}?{query}")).await.ok(200);
            let rows = answer[name].as_array().unwrap().iter();
            rows.filter_map(|row| row["id"].as_i64()).collect()
        };
        for key in keys
            .into_iter()
            .filter(|key| case.is_masakaris() && *key != "failover_segment")
        {
            let up = ids(format!("sort_key={key}&sort_dir=asc")).await;
            let mut down = ids(format!("sort_key=%20{key}&sort_dir=desc")).await;
            down.reverse();
            if up.is_empty() || up != down {
                faults.push(format!("by {key}: {up:?} is not {down:?} backwards"));
            }
            let paged = ids(format!("sort_key={key}&sort_dir=asc&limit=1&marker={}", up[0])).await;
            if paged != up[1..].iter().take(1).copied().collect::<Vec<_>>() {
                faults.push(format!("by {key}: after {} comes {paged:?} of {up:?}", up[0]));
            }
        }
    })
    .await;
}
