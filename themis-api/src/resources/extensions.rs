//! `/extensions`: a fixed list that old clients ask for.

use axum::Json;
use axum::extract::Path;
use serde::Serialize;

use crate::call::Call;
use crate::fault::Fault;
use crate::policy::rule;

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Extension {
    name: &'static str,
    alias: &'static str,
    description: &'static str,
    namespace: &'static str,
    updated: &'static str,
    links: [(); 0],
}

#[derive(Debug, Serialize)]
pub(crate) struct Extensions {
    extensions: [Extension; 6],
}

#[derive(Debug, Serialize)]
pub(crate) struct OneExtension {
    extension: Extension,
}

const fn extension(alias: &'static str, name: &'static str, description: &'static str) -> Extension {
    Extension {
        name,
        alias,
        description,
        namespace: "",
        updated: "",
        links: [],
    }
}

const EXTENSIONS: [Extension; 6] = [
    extension("extensions", "Extensions", "Extension information."),
    extension("notifications", "Notifications", "Notifications support."),
    extension("os-hosts", "Hosts", "Hosts controller"),
    extension("segments", "Segments", "Segments Extension."),
    extension("versions", "Versions", "API Version information."),
    extension("vmoves", "vmoves", "vmoves controller"),
];

/// `GET /extensions`.
pub(crate) async fn list(call: Call) -> Result<Json<Extensions>, Fault> {
    call.demand(rule::EXTENSIONS_INDEX)?;
    Ok(Json(Extensions { extensions: EXTENSIONS }))
}

/// `GET /extensions/{alias}`.
pub(crate) async fn show(call: Call, Path(alias): Path<String>) -> Result<Json<OneExtension>, Fault> {
    call.demand(rule::EXTENSIONS_DETAIL)?;
    let extension = EXTENSIONS
        .into_iter()
        .find(|known| known.alias == alias)
        .ok_or(Fault::ResourceMissing)?;
    Ok(Json(OneExtension { extension }))
}
