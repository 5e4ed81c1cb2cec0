//! Our reading of files and of the environment against Python's oslo.config, on generated ones.

#![allow(clippy::unwrap_used, reason = "helpers of a test, outside of #[test]")]

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value as Json, json};
use themis_config::Source;

#[path = "../../themis-core/testing/left_out.rs"]
mod left_out;

const CASES: usize = 2_000;
const SEED: u64 = 20_261_121;
const OPTIONS: [(&str, &str, &str); 12] = [
    ("DEFAULT", "a", "string"),
    ("DEFAULT", "b", "string"),
    ("DEFAULT", "c", "string"),
    ("DEFAULT", "l", "list"),
    ("DEFAULT", "n", "integer"),
    ("DEFAULT", "t", "boolean"),
    ("cors", "a", "string"),
    ("cors", "b", "string"),
    ("cors", "c", "string"),
    ("cors", "l", "list"),
    ("cors", "n", "integer"),
    ("cors", "t", "boolean"),
];
/// Every option is set somewhere: what oslo.config makes of a reference to one that is not is told elsewhere.
const GROUND: &str =
    "[DEFAULT]\na = A\nb = B\nc = C\nl = x,y\nn = 7\nt = true\n[cors]\na = GA\nb = GB\nc = GC\nl = z\nn = 8\nt = off\n";
const VALUES: [&str; 33] = [
    "word",
    "two words",
    "",
    "  padded  ",
    "\"quoted\"",
    "'single'",
    "\"half",
    "\"",
    "''",
    "'\"both\"'",
    "$b",
    "${b}x",
    "$$b",
    "\\$b",
    "pa$5",
    "$",
    "$nope",
    "${cors.c}",
    "$cors.a.",
    "$c",
    "${b",
    "a=b:c",
    "# no comment",
    "x ; y",
    "1",
    " 12 ",
    "yes",
    "OFF",
    "a,b",
    "a, b ,c",
    "[x]",
    "päss",
    "a\\b",
];
/// References to what is not there, or to themselves.
const TROUBLE: [&str; 3] = ["$nope", "$cors.a.", "${cors.c}"];
const NOISE: [&str; 8] = [
    "",
    "# comment",
    "; comment",
    "#a = 1",
    "[cors]",
    "[DEFAULT]",
    "[Cors]",
    "[other]",
];
const MISTAKES: [&str; 6] = ["[open", "[]", "word", "= 1", "[x] # y", "  lone"];

struct Case {
    files: Vec<String>,
    environment: BTreeMap<String, String>,
}

struct Generator(StdRng);

impl Generator {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.choose(&mut self.0).copied().unwrap_or_default()
    }

    fn case(&mut self) -> Case {
        let files = (0..self.0.random_range(1..3)).map(|_| self.file());
        let mut files: Vec<String> = files.collect();
        files.insert(0, GROUND.to_owned());
        let mut environment = BTreeMap::new();
        if self.0.random_bool(0.2) {
            let (section, name, _) = OPTIONS[self.0.random_range(0..OPTIONS.len())];
            let variable = format!("OS_{section}__{name}").to_ascii_uppercase();
            environment.insert(variable, self.pick(&VALUES).trim().to_owned());
        }
        Case { files, environment }
    }

    fn file(&mut self) -> String {
        let mut text = String::new();
        if self.0.random_bool(0.97) {
            text.push_str(self.pick(&["[DEFAULT]\n", "[cors]\n"]));
        }
        for _ in 0..self.0.random_range(1..9) {
            let line = match self.0.random_range(0..20) {
                0..=11 => self.assignment(),
                12..=13 => format!("{}{}", self.pick(&[" ", "\t", "    "]), self.pick(&VALUES)),
                14 if self.0.random_bool(0.2) => self.pick(&MISTAKES).to_owned(),
                _ => self.pick(&NOISE).to_owned(),
            };
            text.push_str(&line);
            text.push_str(self.pick(&["\n", "\n", "  \n"]));
        }
        text
    }

    fn assignment(&mut self) -> String {
        let name = self.pick(&["a", "b", "c", "l", "n", "t"]);
        let sign = self.pick(&[" = ", "=", ": ", ":", " : "]);
        format!("{name}{sign}{}", self.pick(&VALUES))
    }
}

fn oracle(cases: &[Case]) -> Vec<Json> {
    let cases: Vec<Json> = cases
        .iter()
        .map(|case| json!({"files": case.files, "environment": case.environment, "options": OPTIONS}))
        .collect();
    let mut python = Command::new("/usr/bin/python3")
        .args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oslo_oracle.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let input = serde_json::to_vec(&cases).unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The same as the oracle answers.
fn ours(case: &Case, number: usize) -> Json {
    let directory = std::env::temp_dir().join(format!("themis-oslo-config-{}-{number}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let paths: Vec<_> = (0..case.files.len())
        .map(|at| directory.join(format!("{at}.conf")))
        .collect();
    for (path, text) in paths.iter().zip(&case.files) {
        std::fs::write(path, text).unwrap();
    }
    let source = Source::load(&paths, case.environment.clone());
    std::fs::remove_dir_all(&directory).unwrap();
    let Ok(source) = source else { return Json::Null };
    let values = OPTIONS.iter().map(|(section, name, kind)| {
        let section = section.to_ascii_lowercase();
        match *kind {
            "list" => source.value::<Vec<String>>(&section, name, None).ok().map(Json::from),
            "integer" => source.value::<i64>(&section, name, None).ok().map(Json::from),
            "boolean" => source.value::<bool>(&section, name, None).ok().map(Json::from),
            _ => source.value::<String>(&section, name, None).ok().map(Json::from),
        }
    });
    values.map(Option::unwrap_or_default).collect()
}

/// Where a value refers to one that cannot be filled in, oslo.config goes on with another option of the same name; we refuse.
fn differences(ours: &Json, theirs: &Json, case: &Case) -> bool {
    let (Some(our_values), Some(their_values)) = (ours.as_array(), theirs.as_array()) else {
        return ours != theirs;
    };
    let texts = || case.files.iter().chain(case.environment.values());
    let fails = |text: &String| TROUBLE.iter().any(|reference| text.contains(reference));
    let refused = |ours: &Json| ours.is_null() && texts().any(fails);
    let mut pairs = our_values.iter().zip(their_values);
    pairs.any(|(ours, theirs)| ours != theirs && !refused(ours))
}

#[test]
fn files_and_environment_are_read_as_oslo_config_reads_them() {
    let here = Command::new("/usr/bin/python3")
        .args(["-c", "import oslo_config"])
        .status();
    if !here.is_ok_and(|status| status.success()) {
        left_out::left_out("python3-oslo.config is not installed");
        return;
    }
    let mut generator = Generator(StdRng::seed_from_u64(SEED));
    let cases: Vec<Case> = (0..CASES).map(|_| generator.case()).collect();
    let answers = oracle(&cases);
    assert_eq!(answers.len(), CASES);
    let mut refused = 0;
    for (number, (case, answer)) in cases.iter().zip(&answers).enumerate() {
        refused += usize::from(answer.is_null());
        let ours = ours(case, number);
        let differ = differences(&ours, answer, case);
        assert!(
            !differ,
            "ours {ours}, oslo's {answer}: files {:#?}, environment {:?}",
            case.files, case.environment
        );
    }
    assert!(
        refused > CASES / 50 && refused < CASES / 2,
        "{refused} of {CASES} files refused: the cases are lopsided"
    );
}
