//! Against the real oslo.messaging, as server and as client, in each way of declaring queues.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::versioned::{MASAKARI, VersionedObject};
use themis_messaging::{Bus, CallError, Context, Endpoint, Keep, ServerName, Settings, Target, Version};

use crate::peer::{Peer, pythons};
use crate::recorder::Recorder;
use crate::world::{SOON, broker, topic};

/// The same settings for both sides: overrides of the URL for us, options for Python. What the older Python does not
/// know yet is left out there.
pub(crate) struct Setting {
    pub(crate) ours: &'static str,
    theirs: &'static [&'static str],
    newest_only: bool,
}

pub(crate) const DEFAULT: Setting = Setting {
    ours: "",
    theirs: &[],
    newest_only: false,
};
pub(crate) const DURABLE: Setting = Setting {
    ours: "?amqp_durable_queues=true",
    theirs: &["--set", "oslo_messaging_rabbit.amqp_durable_queues=true"],
    newest_only: false,
};
const AUTO_DELETE: Setting = Setting {
    ours: "?amqp_auto_delete=true",
    theirs: &["--set", "oslo_messaging_rabbit.amqp_auto_delete=true"],
    newest_only: false,
};
pub(crate) const QUORUM: Setting = Setting {
    ours: "?rabbit_quorum_queue=true",
    theirs: &["--set", "oslo_messaging_rabbit.rabbit_quorum_queue=true"],
    newest_only: false,
};
pub(crate) const TRANSIENT_QUORUM: Setting = Setting {
    ours: "?rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true",
    theirs: &[
        "--set",
        "oslo_messaging_rabbit.rabbit_quorum_queue=true",
        "--set",
        "oslo_messaging_rabbit.rabbit_transient_quorum_queue=true",
    ],
    newest_only: true,
};

const TRANSIENT_QUORUM_ALONE: Setting = Setting {
    ours: "?rabbit_transient_quorum_queue=true",
    theirs: &["--set", "oslo_messaging_rabbit.rabbit_transient_quorum_queue=true"],
    newest_only: true,
};

/// Each setting has an exchange of its own, since they would clash on one.
pub(crate) fn exchange(setting: &Setting) -> String {
    format!(
        "themis{}",
        setting.ours.replace(|c: char| !c.is_ascii_alphanumeric(), "")
    )
}

pub(crate) fn bus(url: &str, setting: &Setting) -> RabbitBus {
    let mut settings = Settings::for_url(&format!("{url}{}", setting.ours)).unwrap();
    settings.exchange = exchange(setting);
    RabbitBus::start(settings, "test").unwrap()
}

pub(crate) fn pythons_for(setting: &Setting) -> Vec<String> {
    let all = pythons();
    let older = usize::from(setting.newest_only);
    all.into_iter().skip(older).collect()
}

pub(crate) fn options<'a>(setting: &Setting, exchange: &'a str) -> Vec<&'a str> {
    let mut options = vec!["--exchange", exchange];
    options.extend(setting.theirs);
    options
}

#[rstest]
#[case::default(DEFAULT)]
#[case::durable(DURABLE)]
#[case::quorum(QUORUM)]
#[case::transient_quorum(TRANSIENT_QUORUM)]
#[case::transient_quorum_alone(TRANSIENT_QUORUM_ALONE)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_server_takes_our_messages(#[case] setting: Setting) {
    let Some(url) = broker() else { return };
    let exchange = exchange(&setting);
    for python in pythons_for(&setting) {
        let topic = topic();
        let command = [
            "serve",
            "--topic",
            topic.as_str(),
            "--server",
            "py",
            "--namespace",
            "peer",
        ];
        let options = [&options(&setting, &exchange)[..], &["--objects"]].concat();
        let mut peer = Peer::start(&python, &url, &options, &command);
        peer.expect("ready").await;
        let bus = bus(&url, &setting);
        let target = Target::topic(topic, Version { major: 1, minor: 2 });
        let context = Context::of_request("req-1", Some("req-2"));

        let answer = bus
            .call(&context, &target, "echo", json!({"n": 1, "t": "ü"}), SOON)
            .await
            .unwrap();
        assert_eq!(answer, json!({"n": 1, "t": "ü"}));
        let said = peer.expect("request").await;
        assert_eq!(
            (&said["ctxt"]["request_id"], &said["ctxt"]["global_request_id"]),
            (&json!("req-1"), &json!("req-2"))
        );

        assert_eq!(
            bus.call(&context, &target, "none", json!({}), SOON).await.unwrap(),
            Value::Null
        );
        peer.expect("request").await;

        bus.cast(
            &context,
            &target.clone().at(ServerName::new("py").unwrap()),
            "echo",
            json!({"c": 1}),
            SOON,
        )
        .await
        .unwrap();
        assert_eq!(peer.expect("request").await["args"], json!({"c": 1}));
        bus.cast(&context, &target, "echo", json!({"c": 2}), SOON)
            .await
            .unwrap();
        assert_eq!(peer.expect("request").await["args"], json!({"c": 2}));
        let directed = target.clone().at(ServerName::new("py").unwrap());
        let answer = bus.call(&context, &directed, "server", json!({}), SOON).await.unwrap();
        assert_eq!(answer, "py");
        peer.expect("request").await;

        let fanout = bus
            .fanout(&context, &target, "echo", json!({"f": 1}), Keep::All, SOON)
            .unwrap();
        fanout.outcome().await.unwrap();
        assert_eq!(peer.expect("request").await["args"], json!({"f": 1}));

        let args = json!({"kind": "ValueError", "message": "boom"});
        let Err(CallError::Remote(error)) = bus.call(&context, &target, "raise", args, SOON).await else {
            panic!()
        };
        assert_eq!(
            (error.module.as_str(), error.class.as_str(), error.message.as_str()),
            ("builtins", "ValueError", "boom")
        );
        assert!(error.detail.trace.iter().any(|line| line.contains("oslo_peer.py")));
        peer.expect("request").await;

        let Err(CallError::Remote(error)) = bus.call(&context, &target, "unheard", json!({}), SOON).await else {
            panic!()
        };
        assert_eq!(error.class, "NoSuchMethod");
        let above = Target {
            version: Version { major: 1, minor: 6 },
            ..target.clone()
        };
        let Err(CallError::Remote(error)) = bus.call(&context, &above, "echo", json!({}), SOON).await else {
            panic!()
        };
        assert_eq!(error.class, "UnsupportedVersion");
        python_serves_namespaces_objects_and_expected_errors(&bus, &mut peer, &target).await;
        bus.stop(SOON).await;
    }
}

async fn python_serves_namespaces_objects_and_expected_errors(bus: &RabbitBus, peer: &mut Peer, plain: &Target) {
    let context = Context::fresh();
    let named = |namespace: &str| Target {
        namespace: Some(namespace.to_owned()),
        ..plain.clone()
    };
    let made = bus.call(&context, plain, "make_object", json!({"name": "compute-1"}), SOON);
    let note = VersionedObject::decode(MASAKARI, &made.await.unwrap()).unwrap();
    assert_eq!(peer.expect("request").await["namespace"], Value::Null);
    let host = VersionedObject::decode(MASAKARI, &note.data["host"]).unwrap();
    assert_eq!(
        (note.name.as_str(), host.name.as_str()),
        ("PeerNotification", "PeerHost")
    );
    assert_eq!(
        (&host.data["name"], &host.changes[..]),
        (&json!("compute-1"), &["reserved".to_owned()][..])
    );

    // What we encode is an object for Python, in the namespace too, and comes back as it was.
    let args = json!({"obj": note.encode(MASAKARI), "n": 1});
    let answer = bus
        .call(&context, &named("peer"), "echo", args.clone(), SOON)
        .await
        .unwrap();
    assert_eq!(VersionedObject::decode(MASAKARI, &answer["obj"]).unwrap(), note);
    bus.cast(&context, &named("peer"), "echo", args.clone(), SOON)
        .await
        .unwrap();
    bus.fanout(&context, &named("peer"), "echo", args, Keep::All, SOON)
        .unwrap();
    for _ in ["call", "cast", "fanout"] {
        let said = peer.expect("request").await;
        assert_eq!(
            (&said["namespace"], &said["objects"]),
            (&json!("peer"), &json!(["obj"])),
            "{said}"
        );
    }
    let Err(CallError::Remote(error)) = bus.call(&context, &named("other"), "echo", json!({}), SOON).await else {
        panic!()
    };
    assert_eq!(error.class, "UnsupportedVersion");

    let Err(CallError::Remote(error)) = bus.call(&context, plain, "raise_expected", json!({}), SOON).await else {
        panic!()
    };
    assert_eq!(
        (error.module.as_str(), error.class.as_str(), error.message.as_str()),
        ("builtins", "ValueError", "expected")
    );
    peer.expect("request").await;
}

#[rstest]
#[case::default(DEFAULT)]
#[case::durable(DURABLE)]
#[case::quorum(QUORUM)]
#[case::transient_quorum(TRANSIENT_QUORUM)]
#[case::transient_quorum_alone(TRANSIENT_QUORUM_ALONE)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_client_is_served_by_us(#[case] setting: Setting) {
    let Some(url) = broker() else { return };
    let exchange = exchange(&setting);
    for python in pythons_for(&setting) {
        let (topic, recorder) = (topic(), Recorder::new());
        let bus = bus(&url, &setting);
        let endpoint = Endpoint::new(
            topic.clone(),
            ServerName::new("rs").unwrap(),
            Version { major: 1, minor: 2 },
        );
        let serving = bus.serve(endpoint, recorder.clone()).unwrap();
        serving.ready(SOON).await.unwrap();
        let options = options(&setting, &exchange);
        let run = async |command: &str, rest: &[&str]| {
            let mut words = vec![command, "--topic", topic.as_str()];
            words.extend(rest);
            Peer::ask(&python, &url, &options, &words).await
        };

        let context = json!({"request_id": "req-7", "auth_token": "hidden"}).to_string();
        let said = run(
            "call",
            &["--method", "echo", "--args", "{\"n\": \"ü\"}", "--context", &context],
        )
        .await;
        assert_eq!(said["result"], json!({"n": "ü"}), "{said}");
        assert_eq!(recorder.contexts()[0].request_id(), Some("req-7"));

        let said = run("call", &["--method", "refuse", "--args", "{}"]).await;
        assert_eq!(
            (&said["kind"], &said["exc_type"]),
            (&json!("remote"), &json!("NotLeader")),
            "{said}"
        );
        let said = run("call", &["--method", "sleep", "--args", "{}"]).await;
        assert_eq!(
            (&said["kind"], &said["exc_type"]),
            (&json!("rebuilt"), &json!("TypeError")),
            "{said}"
        );
        let said = run("call", &["--method", "unheard"]).await;
        assert_eq!(said["exc_type"], "NoSuchMethod", "{said}");
        let said = run("call", &["--method", "echo", "--version", "1.3"]).await;
        assert_eq!(said["exc_type"], "UnsupportedVersion", "{said}");

        let before = recorder.count();
        let said = run(
            "cast",
            &[
                "--method",
                "echo",
                "--server",
                "rs",
                "--mandatory",
                "--args",
                "{\"c\": 1}",
            ],
        )
        .await;
        assert_eq!(said["event"], "result", "{said}");
        let said = run("cast", &["--method", "echo", "--args", "{\"c\": 2}"]).await;
        assert_eq!(said["event"], "result", "{said}");
        let said = run("fanout", &["--method", "echo", "--args", "{\"f\": 1}"]).await;
        assert_eq!(said["event"], "result", "{said}");
        let directed = ["--method", "echo", "--server", "rs", "--args", "{\"d\": 1}"];
        assert_eq!(run("call", &directed).await["result"], json!({"d": 1}));
        recorder
            .until("casts, fanout and call", |recorder| recorder.count() == before + 4)
            .await;
        let expected = [json!({"c": 1}), json!({"c": 2}), json!({"f": 1}), json!({"d": 1})];
        assert_eq!(recorder.args()[before..], expected);
        python_asks_in_a_namespace_with_objects(&bus, &python, &url, &options).await;
        bus.stop(SOON).await;
    }
}

async fn python_asks_in_a_namespace_with_objects(bus: &RabbitBus, python: &str, url: &str, options: &[&str]) {
    let (topic, recorder) = (topic(), Recorder::new());
    let mut endpoint = Endpoint::new(topic.clone(), ServerName::new("rs").unwrap(), Version::ONE);
    endpoint.namespace = Some("peer".to_owned());
    let serving = bus.serve(endpoint, recorder.clone()).unwrap();
    serving.ready(SOON).await.unwrap();
    let options = [options, &["--objects"]].concat();
    let run = async |words: &[&str]| {
        let words = [words, &["--topic", topic.as_str(), "--namespace", "peer"]].concat();
        Peer::ask(python, url, &options, &words).await
    };
    let said = run(&["call", "--method", "echo", "--with-object"]).await;
    let returned = VersionedObject::decode(MASAKARI, &said["result"]["obj"]).unwrap();
    let said = run(&["fanout", "--method", "echo", "--with-object"]).await;
    assert_eq!(said["event"], "result", "{said}");
    recorder
        .until("a call and a fanout", |recorder| recorder.count() == 2)
        .await;
    for args in recorder.args() {
        let note = VersionedObject::decode(MASAKARI, &args["obj"]).unwrap();
        let host = VersionedObject::decode(MASAKARI, &note.data["host"]).unwrap();
        assert_eq!((&note, &host.data["name"]), (&returned, &json!("from-client")));
    }
    // `refuse` of the plain methods is an expected error; this is one that nobody foresaw.
    let said = run(&["call", "--method", "fail"]).await;
    assert_eq!(
        (&said["exc_type"], &said["value"]),
        (&json!("ThemisException"), &json!("it broke")),
        "{said}"
    );
}

#[rstest]
#[case::default(DEFAULT)]
#[case::durable(DURABLE)]
#[case::auto_delete(AUTO_DELETE)]
#[case::quorum(QUORUM)]
#[case::transient_quorum(TRANSIENT_QUORUM)]
#[case::transient_quorum_alone(TRANSIENT_QUORUM_ALONE)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_and_we_serve_a_topic_together_whoever_declares_first(#[case] setting: Setting) {
    let Some(url) = broker() else { return };
    let exchange = exchange(&setting);
    for python in pythons_for(&setting) {
        for python_first in [true, false] {
            let (topic, recorder, bus) = (topic(), Recorder::new(), bus(&url, &setting));
            let words = ["serve", "--topic", topic.as_str(), "--server", "py"];
            let start = || Peer::start(&python, &url, &options(&setting, &exchange), &words);
            let mut early = None;
            if python_first {
                early.insert(start()).expect("ready").await;
            }
            let endpoint = Endpoint::new(topic.clone(), ServerName::new("rs").unwrap(), Version::ONE);
            let serving = bus.serve(endpoint, recorder.clone()).unwrap();
            serving.ready(SOON).await.unwrap();
            let mut peer = match early {
                Some(peer) => peer,
                None => {
                    let mut late = start();
                    late.expect("ready").await;
                    late
                }
            };
            let target = Target::topic(topic, Version::ONE);
            bus.fanout(&Context::empty(), &target, "echo", json!({"f": 1}), Keep::All, SOON)
                .unwrap();
            assert_eq!(peer.expect("request").await["args"], json!({"f": 1}));
            recorder.until("the fanout", |recorder| recorder.count() == 1).await;
            bus.stop(SOON).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_monitored_call_gets_signs_of_life() {
    let Some(url) = broker() else { return };
    for python in pythons() {
        let (topic, recorder) = (topic(), Recorder::new());
        let bus = bus(&url, &DEFAULT);
        let endpoint = Endpoint::new(topic.clone(), ServerName::new("rs").unwrap(), Version::ONE);
        let serving = bus.serve(endpoint, recorder.clone()).unwrap();
        serving.ready(SOON).await.unwrap();
        // Without signs Python gives up after two seconds; with them it waits for the answer.
        let words = [
            "call",
            "--topic",
            topic.as_str(),
            "--method",
            "sleep",
            "--args",
            "{\"ms\": 5000}",
        ];
        let words = [&words[..], &["--monitor-timeout", "2", "--timeout", "20"]].concat();
        let said = Peer::ask(&python, &url, &[], &words).await;
        assert_eq!(said["result"], 5000, "{said}");
        bus.stop(SOON).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pythons_compressed_messages_are_read() {
    let Some(url) = broker() else { return };
    for python in pythons() {
        let (topic, recorder) = (topic(), Recorder::new());
        let bus = bus(&url, &DEFAULT);
        let endpoint = Endpoint::new(topic.clone(), ServerName::new("rs").unwrap(), Version::ONE);
        let serving = bus.serve(endpoint, recorder.clone()).unwrap();
        serving.ready(SOON).await.unwrap();
        for method in ["gzip", "bzip2"] {
            let option = format!("oslo_messaging_rabbit.kombu_compression={method}");
            let words = [
                "call",
                "--topic",
                topic.as_str(),
                "--method",
                "echo",
                "--args",
                "{\"n\": 1}",
            ];
            let said = Peer::ask(&python, &url, &["--set", &option], &words).await;
            assert_eq!(said["result"], json!({"n": 1}), "{method}: {said}");
        }
        assert_eq!(recorder.count(), 2);
        bus.stop(SOON).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_vanished_costs_the_server_nothing_but_a_minute() {
    let Some(url) = broker() else { return };
    let (topic, recorder) = (topic(), Recorder::new());
    let server = bus(&url, &DEFAULT);
    let endpoint = Endpoint::new(topic.clone(), ServerName::new("rs").unwrap(), Version::ONE);
    let serving = server.serve(endpoint, recorder.clone()).unwrap();
    serving.ready(SOON).await.unwrap();
    let target = Target::topic(topic, Version::ONE);
    for python in pythons().into_iter().take(1) {
        let words = [
            "call",
            "--topic",
            target.topic.as_str(),
            "--method",
            "sleep",
            "--args",
            "{\"ms\": 1000}",
        ];
        let mut peer = Peer::start(&python, &url, &[], &words);
        recorder
            .until_within(Duration::from_secs(60), "the call", |recorder| recorder.count() == 1)
            .await;
        peer.kill().await;
    }
    let client = bus(&url, &DEFAULT);
    assert_eq!(
        client
            .call(&Context::fresh(), &target, "echo", json!({}), SOON)
            .await
            .unwrap(),
        json!({})
    );
}
