//! Our reading of rules against Python's oslo.policy, on generated rules, credentials and targets.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use themis_openstack::policy::{Credentials, Policy, Target};

use crate::left_out;

const CASES: usize = 12_000;
const SEED: u64 = 20_261_120;
const NAMES: [&str; 6] = ["subject", "r1", "r2", "r3", "r4", "default"];

#[derive(Serialize)]
struct Case {
    rules: BTreeMap<String, Value>,
    creds: Map<String, Value>,
    target: Target,
}

#[derive(Deserialize)]
struct Oracle {
    answer: String,
    faults: Vec<String>,
}

struct Generator(StdRng);

impl Generator {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.choose(&mut self.0).copied().unwrap_or_default()
    }

    fn case(&mut self) -> Case {
        let broken = self.0.random_bool(0.15);
        let mut rules = BTreeMap::new();
        for (at, name) in NAMES.iter().enumerate() {
            if at == 0 || self.0.random_bool(0.6) {
                // Rules refer to later ones only, so that there are no circles.
                let rule = match self.0.random_range(0..8) {
                    0 => self.lists(at + 1),
                    _ => json!(self.expression(3, at + 1)),
                };
                let spoilt = rule.as_str().filter(|_| broken).map(|text| json!(self.spoil(text)));
                rules.insert((*name).to_owned(), spoilt.unwrap_or(rule));
            }
        }
        Case {
            rules,
            creds: self.credentials(),
            target: self.target(),
        }
    }

    /// The old form: lists of lists of checks.
    fn lists(&mut self, from: usize) -> Value {
        let inner = |this: &mut Self| match this.0.random_range(0..4) {
            0 => json!(this.check(from)),
            1 => json!([]),
            count => (1..count).map(|_| json!(this.check(from))).collect(),
        };
        (0..self.0.random_range(0..4)).map(|_| inner(self)).collect()
    }

    fn expression(&mut self, depth: usize, from: usize) -> String {
        if depth == 0 || self.0.random_bool(0.3) {
            return self.check(from);
        }
        let left = self.expression(depth - 1, from);
        let right = self.expression(depth - 1, from);
        match self.0.random_range(0..6) {
            0 => format!("{} {left}", self.pick(&["not", "NOT", "Not"])),
            1 => format!("({left})"),
            2 => format!("( {left} {} {right} )", self.pick(&["or", "and"])),
            3 => format!("not ({left} or {right})"),
            4 => format!("{left}  {} {right}", self.pick(&["and", "And"])),
            _ => format!("{left} {}\t{right}", self.pick(&["or", "OR"])),
        }
    }

    fn check(&mut self, from: usize) -> String {
        let value = self.pick(&[
            "p1",
            "p2",
            "%(project_id)s",
            "%(target.user)s",
            "%(missing)s",
            "%(flag)s",
            "%(nothing)s",
            "%(number)s",
            "None",
            "True",
            "3",
            "%(role)s",
            "x%(role)s%%",
            "",
            "a:b",
            "50%",
            "Admin",
            "all",
        ]);
        match self.0.random_range(0..10) {
            0 | 1 => format!(
                "role:{}",
                self.pick(&[
                    "admin",
                    "ADMIN",
                    "reader",
                    "Member",
                    "service",
                    "%(role)s",
                    "%(missing)s"
                ])
            ),
            2 | 3 => match NAMES.get(from..).and_then(|later| later.choose(&mut self.0)) {
                Some(name) => format!("rule:{name}"),
                None => "@".to_owned(),
            },
            4 => format!("is_admin:{}", self.pick(&["True", "true", "False", "maybe"])),
            5 => self.pick(&["@", "!"]).to_owned(),
            6 => format!(
                "{}:{value}",
                self.pick(&["'p1'", "\"True\"", "True", "None", "3", "-3", "'a'", "''"])
            ),
            7 => format!(
                "{}:{value}",
                self.pick(&[
                    "token.project.id",
                    "token.roles",
                    "groups.name",
                    "token.missing",
                    "token.user-id",
                    "user_id.name"
                ])
            ),
            _ => format!(
                "{}:{value}",
                self.pick(&[
                    "project_id",
                    "user_id",
                    "roles",
                    "system_scope",
                    "system",
                    "is_admin_project",
                    "domain_id",
                    "absent",
                    "is_admin"
                ])
            ),
        }
    }

    /// Leaves out, repeats or adds a word or a parenthesis.
    fn spoil(&mut self, text: &str) -> String {
        let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let at = self.0.random_range(0..words.len());
        match self.0.random_range(0..6) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[at].clone()),
            2 => words.insert(
                at,
                self.pick(&["and", "or", "not", "(", ")", "word", "'quoted'", "\"a\"", "''"])
                    .to_owned(),
            ),
            3 => words[at].push(')'),
            4 => words[at].insert(0, '('),
            _ => {}
        }
        words.join(" ")
    }

    fn credentials(&mut self) -> Map<String, Value> {
        let roles: Vec<&str> = ["admin", "Reader", "member", "SERVICE"]
            .into_iter()
            .filter(|_| self.0.random_bool(0.4))
            .collect();
        let mut creds = json!({
            "user_id": self.pick(&["u1", "u2", "3"]), "roles": roles, "is_admin_project": self.0.random_bool(0.5),
            "project_id": null, "domain_id": null, "system_scope": null, "is_admin": null,
            "token": {"project": {"id": self.pick(&["p1", "p2"])}, "roles": roles, "user-id": "p1"},
            "groups": [{"name": "p1"}, {"name": self.pick(&["p2", "all"])}, {"other": 1}],
        });
        if self.0.random_bool(0.7) {
            creds["project_id"] = json!(self.pick(&["p1", "p2"]));
        }
        if self.0.random_bool(0.2) {
            creds["system_scope"] = json!("all");
        }
        if self.0.random_bool(0.8) {
            creds["is_admin"] = json!(self.0.random_bool(0.5));
        }
        creds.as_object().cloned().unwrap_or_default()
    }

    fn target(&mut self) -> Target {
        let all = json!({
            "project_id": self.pick(&["p1", "p2"]), "target.user": self.pick(&["u1", "u2"]), "nothing": null, "number": 3,
            "flag": self.0.random_bool(0.5), "role": self.pick(&["admin", "reader", "p1"]),
        });
        let pairs = all.as_object().cloned().unwrap_or_default();
        pairs.into_iter().filter(|_| self.0.random_bool(0.75)).collect()
    }
}

/// What oslo says of each case; `None` when it is not installed.
fn ask_oslo(cases: &[Case]) -> Option<Vec<Oracle>> {
    const PYTHON: &str = "/usr/bin/python3";
    let there = Command::new(PYTHON)
        .args(["-c", "import oslo_policy"])
        .stderr(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut python = Command::new(PYTHON)
        .args(["-c", include_str!("oslo_oracle.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let lines: Vec<String> = cases.iter().map(|case| serde_json::to_string(case).unwrap()).collect();
    let writer = std::thread::spawn(move || lines.iter().try_for_each(|line| writeln!(input, "{line}")));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    Some(
        answers
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

#[test]
fn rules_are_read_and_judged_as_oslo_policy_does() {
    let mut generator = Generator(StdRng::seed_from_u64(SEED));
    let cases: Vec<Case> = (0..CASES).map(|_| generator.case()).collect();
    let Some(oracles) = ask_oslo(&cases) else {
        left_out("python3-oslo.policy is not installed");
        return;
    };
    assert_eq!(oracles.len(), CASES);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (case, oracle) in cases.iter().zip(&oracles) {
        let text = serde_json::to_string_pretty(&case.rules).unwrap();
        let mut with_defaults = case.rules.clone();
        with_defaults
            .entry("context_is_admin".to_owned())
            .or_insert_with(|| json!("!"));
        let ours = match Policy::with_overrides(&serde_json::to_string(&with_defaults).unwrap(), "generated") {
            Err(error) => {
                assert!(!oracle.faults.is_empty(), "only we refuse: {error}\n{text}");
                *seen.entry("refused by both").or_default() += 1;
                continue;
            }
            Ok(policy) => policy.allows("subject", &Credentials::from_values(case.creds.clone()), &case.target),
        };
        assert!(
            oracle.faults.is_empty(),
            "only oslo refuses {:?}\n{text}",
            oracle.faults
        );
        let shown = || format!("{text}\n{}\n{}", json!(case.creds), json!(case.target));
        match oracle.answer.as_str() {
            "allow" => assert!(ours, "oslo allows, we deny\n{}", shown()),
            "deny" => assert!(!ours, "oslo denies, we allow\n{}", shown()),
            raises => assert!(!ours, "oslo {raises}, we allow\n{}", shown()),
        }
        *seen.entry(oracle.answer.as_str()).or_default() += 1;
    }
    println!("{CASES} cases: {seen:?}");
    let raised = seen
        .iter()
        .filter(|(kind, _)| kind.starts_with("raise"))
        .map(|(_, count)| count)
        .sum::<usize>();
    assert!(raised > CASES / 100, "oslo hardly ever raises: {seen:?}");
    // Guards the generator: a comparison where nearly all cases end alike would prove little.
    for kind in ["allow", "deny", "refused by both"] {
        assert!(
            seen.get(kind).is_some_and(|count| *count > CASES / 20),
            "{kind} is too rare: {seen:?}"
        );
    }
}

/// Files in forms that operators' editors and tools leave behind: what the rule `r` says to the roles a, b and admin.
const FILES: [&str; 20] = [
    "r: role:a\n",
    "\"r\": \"role:a\"\n\"r\": \"role:b\"\n",
    "{\"r\": \"role:a\", \"r\": \"role:b\"}",
    "{\n\t\"r\": \"role:a or role:b\"\n}\n",
    "{\"r\": [[\"role:a\"], [\"role:b\", \"role:admin\"]]}",
    "x: &all role:a or role:b\nr: *all\n",
    "x: &group {y: role:a}\nr: role:a\n",
    "base: &base\n  r: role:a\n<<: *base\n",
    "r: true\n",
    "r: yes\n",
    "r: 1\n",
    "r: null\n",
    "r:\n",
    "r: \"\"\n",
    "r: '@'\n",
    "r: \"!\"\n",
    "r: >-\n  role:a\n  or role:b\n",
    "# r: role:a\n",
    "---\nr: role:b\n...\n",
    "- r\n- role:a\n",
];
const ROLES: [&str; 3] = ["a", "b", "admin"];
const FILE_ORACLE: &str = "
import json, sys
from oslo_policy import policy
class Enforcer: rules = None
def answer(text):
    try:
        rules = policy.Rules.load(text, 'default')
        enforcer = Enforcer(); enforcer.rules = rules
        if 'r' not in rules: return None
        return [bool(rules['r']({}, {'roles': [role]}, enforcer)) for role in ('a', 'b', 'admin')]
    except Exception: return None
json.dump([answer(text) for text in json.load(sys.stdin)], sys.stdout)
";

#[test]
fn a_file_is_read_as_oslo_policy_reads_it_or_refused() {
    let here = Command::new("/usr/bin/python3")
        .args(["-c", "import oslo_policy"])
        .status();
    if !here.is_ok_and(|status| status.success()) {
        left_out("python3-oslo.policy is not installed");
        return;
    }
    let input = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(input.as_file(), &FILES).unwrap();
    let input = std::fs::File::open(input.path()).unwrap();
    let output = Command::new("/usr/bin/python3")
        .args(["-c", FILE_ORACLE])
        .stdin(input)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<Option<[bool; 3]>> = serde_json::from_slice(&output.stdout).unwrap();
    let mut refused = Vec::new();
    for (text, theirs) in FILES.iter().zip(theirs) {
        let policy = match Policy::with_overrides(text, "policy.yaml") {
            Ok(policy) => policy,
            Err(error) => {
                if theirs.is_some() {
                    refused.push((*text, error.to_string()));
                }
                continue;
            }
        };
        let ours = ROLES.map(|role| {
            let values = json!({"roles": [role]}).as_object().unwrap().clone();
            policy.allows("r", &Credentials::from_values(values), &Target::new())
        });
        assert_eq!(ours, theirs.unwrap_or_default(), "{text}");
    }
    // What oslo.policy reads and we do not: a rule twice, of which it takes the last; what is no rule; and nothing at all,
    // which it takes for "everybody".
    let texts: Vec<&str> = refused.iter().map(|(text, _)| *text).collect();
    assert_eq!(texts, [FILES[1], FILES[2], FILES[6], FILES[7], FILES[11], FILES[12]]);
    assert_eq!(
        refused[0].1,
        "policy.yaml, line 2: rule 'r' is written a second time; keep one of them"
    );
}

/// Directories as operators, editors and container platforms leave them: path and text; a text `-> X` makes a link to X,
/// `/` a directory. Each says who may do what `r` guards.
const DIRECTORIES: [&[(&str, &str)]; 19] = [
    &[],
    &[("policy.yaml", "r: role:a")],
    &[("policy.yaml", "r: role:a"), ("policy.d/50-lockdown", "r: '!'")],
    &[("policy.d/50-lockdown", "r: role:b")],
    &[
        ("policy.yaml", "r: role:a"),
        ("policy.d/50.conf", "{\"r\": \"role:b\"}"),
    ],
    &[("policy.yaml", "r: role:a"), ("policy.d/.hidden.yaml", "r: role:b")],
    &[("policy.d/20.yaml", "r: role:a"), ("policy.d/20.yaml~", "r: role:b")],
    &[("policy.d/20.yaml", "r: role:a"), ("policy.d/20.yaml.bak", "r: [")],
    &[("policy.d/9", "r: role:a"), ("policy.d/10", "r: role:b")],
    &[
        ("policy.d/a", "r: role:a"),
        ("policy.d/B", "r: role:b"),
        ("policy.d/é", "r: role:admin"),
    ],
    &[("policy.d/a.yaml", "r: role:a"), ("policy.d/b.d/c.yaml", "r: role:b")],
    &[
        ("policy.d/a.yaml", "r: role:a"),
        ("away/c.yaml", "r: role:b"),
        ("policy.d/b", "-> ../away"),
    ],
    &[
        ("policy.d/a.yaml", "r: role:a"),
        ("away/c.yaml", "r: role:b"),
        ("policy.d/b", "-> ../away/c.yaml"),
    ],
    &[("policy.d/a.yaml", "r: role:a"), ("policy.d/b.yaml", "-> ../nowhere")],
    &[
        ("policy.d/..now/a.yaml", "r: role:b"),
        ("policy.d/..data", "-> ..now"),
        ("policy.d/a.yaml", "-> ..data/a.yaml"),
    ],
    &[("policy.json", "{\"r\": \"role:a\"}"), ("policy.d/x", "x: role:b")],
    &[("policy.yaml", "r: role:a"), ("policy.d/empty", "")],
    &[("policy.yaml", "r: role:a"), ("policy.d", "r: role:b")],
    &[("policy.yaml", "r: role:a"), ("policy.d/", "")],
];
const DIRECTORY_ORACLE: &str = "
import json, logging, os, sys
from oslo_config import cfg
from oslo_policy import opts, policy
logging.disable(logging.CRITICAL)
def answer(place):
    try:
        conf = cfg.ConfigOpts()
        conf(['--config-dir', place], default_config_files=[])
        opts.set_defaults(conf, policy_file='policy.yaml')
        enforcer = policy.Enforcer(conf)
        return [bool(enforcer.enforce('r', {}, {'roles': [role]})) for role in ('a', 'b', 'admin')]
    except Exception: return None
json.dump([answer(place) for place in sys.argv[1:]], sys.stdout)
";

fn lay_out(place: &std::path::Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = place.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix("-> ") {
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            None if name.ends_with('/') => std::fs::create_dir_all(path).unwrap(),
            None => std::fs::write(path, text).unwrap(),
        }
    }
}

#[test]
fn of_a_directory_those_files_are_read_that_oslo_policy_reads() {
    let places: Vec<tempfile::TempDir> = DIRECTORIES.iter().map(|_| tempfile::tempdir().unwrap()).collect();
    for (place, files) in places.iter().zip(DIRECTORIES) {
        lay_out(place.path(), files);
    }
    let here = Command::new("/usr/bin/python3")
        .args(["-c", "import oslo_policy"])
        .status();
    if !here.is_ok_and(|status| status.success()) {
        left_out("python3-oslo.policy is not installed");
        return;
    }
    let output = Command::new("/usr/bin/python3")
        .args(["-c", DIRECTORY_ORACLE])
        .args(places.iter().map(tempfile::TempDir::path))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<Option<[bool; 3]>> = serde_json::from_slice(&output.stdout).unwrap();
    for ((place, files), theirs) in places.iter().zip(DIRECTORIES).zip(&theirs) {
        let ours = Policy::load(&crate::policy::files(place.path())).map(|policy| {
            ROLES.map(|role| {
                let values = json!({"roles": [role]}).as_object().unwrap().clone();
                policy.allows("r", &Credentials::from_values(values), &Target::new())
            })
        });
        assert_eq!(ours.as_ref().ok(), theirs.as_ref(), "{files:?}: {ours:?}");
    }
    // Guards the oracle: it reads, and it refuses.
    assert_eq!(
        theirs[1..4],
        [Some([true, false, false]), Some([false; 3]), Some([false, true, false])]
    );
    assert_eq!(theirs.iter().filter(|answer| answer.is_none()).count(), 3, "{theirs:?}");
}
