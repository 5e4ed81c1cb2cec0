//! `/themis/v1/segments/{segment}/networks`: what the loss of each network means for the segment's hosts. A network that is
//! not named here means what the configuration says.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use themis_core::NetworkName;
use themis_core::network::Importance;
use themis_db::store::segment_networks::{SegmentNetworks, segment_network_list, segment_network_replace};

use crate::app_state::AppState;
use crate::body::Body;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
use crate::policy::rule;
use crate::resources::segments;
use crate::schema::{Object, Violation};
use crate::schema_text::name;

/// More planes than any site has.
const NETWORKS_MAX: usize = 64;

/// `{"networks": {"storage": "critical"}}`.
#[derive(Debug, Serialize)]
pub(crate) struct Networks {
    networks: SegmentNetworks,
}

/// `GET /themis/v1/segments/{segment}/networks`.
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Call,
    Path(segment): Path<String>,
) -> Result<Json<Networks>, Fault> {
    call.demand(rule::THEMIS_NETWORKS_DETAIL)?;
    let segment = segments::found(&app.store, &segment).await?;
    Ok(Json(Networks {
        networks: segment_network_list(&app.store, segment.uuid).await?,
    }))
}

/// `PUT /themis/v1/segments/{segment}/networks`: replaces the whole table.
pub(crate) async fn update(
    State(app): State<AppState>,
    call: Call,
    Path(segment): Path<String>,
    Body(body): Body,
) -> Result<Json<Networks>, Fault> {
    let networks = check(body.as_ref())?;
    call.demand(rule::THEMIS_NETWORKS_UPDATE)?;
    let segment = segments::found(&app.store, &segment).await?;
    segment_network_replace(&app.store, segment.uuid, &networks).await?;
    app.waker.wake();
    Ok(Json(Networks { networks }))
}

fn check(body: Option<&Value>) -> Result<SegmentNetworks, Violation> {
    let object = Object::enveloped(body, "networks")?;
    let mut networks = SegmentNetworks::new();
    for (network, value) in object.entries() {
        name(network).map_err(|what| Violation::field("networks", &Value::String(network.clone()), what))?;
        if network.chars().count() > 64 || networks.len() >= NETWORKS_MAX {
            let what = format!("at most {NETWORKS_MAX} networks, each with a name of at most 64 characters");
            return Err(Violation::field(network, value, what));
        }
        let names = [Importance::Critical.name(), Importance::Tolerated.name()];
        networks.insert(NetworkName::new(network), object.needed_word(network, &names)?);
    }
    Ok(networks)
}
