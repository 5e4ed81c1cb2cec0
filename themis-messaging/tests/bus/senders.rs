//! A user of the broker for each host: what the broker vouches for, and what the users' permissions allow.

use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Connection, ConnectionProperties, ErrorKind};
use serde_json::json;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, BusError, Context, Endpoint, Keep, ServerName, Settings, Target, Topic, Version};

use crate::broker::Broker;
use crate::recorder::Recorder;
use crate::world::SOON;

/// The lines of the operators' page that make a host's user, with this host's name.
fn commands(host: &str) -> Vec<Vec<String>> {
    let page = include_str!("../../../docs/operators/bus.md");
    let (_, rest) = page
        .split_once("<!-- per-host user -->\n```\n")
        .expect("the page shows the commands");
    let (block, _) = rest.split_once("\n```").unwrap();
    let joined = block.replace("\\\n", " ");
    joined
        .lines()
        .map(|line| {
            let line = line.replace("$HOST", host).replace("$PASSWORD", "secret");
            let words = line.strip_prefix("rabbitmqctl ").expect("a rabbitmqctl command");
            words
                .split_whitespace()
                .map(|word| word.trim_matches('\'').to_owned())
                .collect()
        })
        .collect()
}

async fn add_user(broker: &Broker, host: &str) -> String {
    for command in commands(host) {
        broker
            .ctl(&command.iter().map(String::as_str).collect::<Vec<_>>())
            .await;
    }
    let (_, place) = broker.url.split_once('@').unwrap();
    format!("rabbit://themis-{host}:secret@{place}")
}

fn bus(url: &str) -> RabbitBus {
    RabbitBus::start(Settings::for_url(url).unwrap(), "test").unwrap()
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

async fn serve(bus: &RabbitBus, name: &str, server: &str) -> (themis_messaging::Serving, std::sync::Arc<Recorder>) {
    let recorder = Recorder::new();
    let endpoint = Endpoint::new(topic(name), ServerName::new(server).unwrap(), Version::ONE);
    let serving = bus.serve(endpoint, recorder.clone()).unwrap();
    serving.ready(SOON).await.unwrap();
    (serving, recorder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_hosts_user_can_do_what_a_monitor_does_and_nothing_else() {
    let Some(broker) = Broker::start().await else { return };
    let engine = bus(&broker.url);
    let (_observations, heard) = serve(&engine, "themis_observations", "engine-1").await;
    let mut monitors = Vec::new();
    for host in ["compute-1", "compute-2"] {
        let monitor = bus(&add_user(&broker, host).await);
        let (serving, asked) = serve(&monitor, "themis_hostmonitor", host).await;
        monitors.push((host, monitor, serving, asked));
    }
    let observations = Target::topic(topic("themis_observations"), Version::ONE);
    let questions = Target::topic(topic("themis_hostmonitor"), Version::ONE);
    for (host, monitor, ..) in &monitors {
        let args = json!({"report": {"observer": host}});
        monitor
            .fanout(&Context::empty(), &observations, "report", args, Keep::All, SOON)
            .unwrap()
            .outcome()
            .await
            .unwrap();
    }
    heard.until("both reports", |heard| heard.count() == 2).await;
    for (args, context) in heard.args().iter().zip(heard.contexts()) {
        let observer = args["report"]["observer"].as_str().unwrap();
        assert_eq!(context.sender(), Some(format!("themis-{observer}").as_str()));
    }
    engine
        .fanout(&Context::empty(), &questions, "resend", json!({}), Keep::All, SOON)
        .unwrap()
        .outcome()
        .await
        .unwrap();
    for (host, _, _, asked) in &monitors {
        asked.until(host, |asked| asked.count() == 1).await;
    }

    // A monitor is no engine: it can neither ask other monitors nor wake engines nor call them.
    let (_, monitor, ..) = &monitors[0];
    let short = Duration::from_secs(5);
    let fanout = monitor
        .fanout(&Context::empty(), &questions, "resend", json!({}), Keep::All, short)
        .unwrap();
    let refused = fanout.outcome().await.unwrap_err();
    assert!(matches!(refused, BusError::Refused { .. }), "{refused}");
    let one = questions.at(ServerName::new("compute-2").unwrap());
    let refused = monitor
        .cast(&Context::empty(), &one, "resend", json!({}), short)
        .await
        .unwrap_err();
    assert!(matches!(refused, BusError::Refused { .. }), "{refused}");
    // And what is refused does not hold up what is allowed.
    monitor
        .fanout(&Context::empty(), &observations, "report", json!({}), Keep::All, SOON)
        .unwrap()
        .outcome()
        .await
        .unwrap();
    assert_eq!(monitors[1].3.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_closes_the_channel_of_a_user_that_speaks_for_another() {
    let Some(broker) = Broker::start().await else { return };
    let engine = bus(&broker.url);
    let (_observations, heard) = serve(&engine, "themis_observations", "engine-1").await;
    let url = add_user(&broker, "compute-1").await.replacen("rabbit://", "amqp://", 1);
    let connection = Connection::connect(&format!("{url}/%2F"), ConnectionProperties::default())
        .await
        .unwrap();
    let publish = async |user: &str| {
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(Default::default()).await.unwrap();
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_user_id(user.into());
        let body = json!({"method": "report", "args": {"user": user}}).to_string();
        let options = BasicPublishOptions::default();
        channel
            .basic_publish(
                "themis_observations_fanout".into(),
                "".into(),
                options,
                body.as_bytes(),
                properties,
            )
            .await?
            .await
    };
    publish("themis-compute-1").await.unwrap();
    let error = publish("themis-compute-2").await.unwrap_err();
    let ErrorKind::ProtocolError(told) = error.kind() else {
        panic!("{error}")
    };
    assert_eq!(told.get_id(), 406, "{error}");
    assert!(told.get_message().as_str().contains("user_id"), "{error}");
    publish("themis-compute-1").await.unwrap();
    heard.until("the two that are true", |heard| heard.count() == 2).await;
    assert!(
        heard
            .contexts()
            .iter()
            .all(|context| context.sender() == Some("themis-compute-1"))
    );
}
