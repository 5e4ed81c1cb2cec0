//! The HTTP service: Masakari's API under `/v1`, unchanged for its clients, and Themis's own under `/themis/v1`.
//!
//! It checks, stores and wakes. It never decides, fences or evacuates, and asks nothing of other services but whose a
//! token is and whether Nova knows a host. Read [`routes`] first: it is the table of contents; then [`call`] (who asks),
//! [`fault`] (every refusal), [`resources`] and [`themis`] (one folder or file per noun).

pub mod accept;
pub mod announce;
pub mod answer_media;
pub mod app_state;
pub mod auth;
pub mod base_url;
pub mod body;
pub mod call;
pub mod client_address;
pub mod config;
pub mod cors;
pub mod fault;
pub mod health;
pub mod iso8601;
pub mod leader;
pub mod list_query;
pub mod microversion;
pub mod mount;
pub mod openapi;
pub mod options;
pub mod path_id;
pub mod policy;
pub mod request_id;
pub mod resources;
pub mod router;
pub mod routes;
pub mod schema;
pub mod schema_text;
pub mod server;
pub mod shown;
pub mod themis;
pub mod unrouted;
pub mod version_document;
pub mod wake;
pub mod wire_time;
