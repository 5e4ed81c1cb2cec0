//! `/extensions`: a fixed list that old clients ask for. An entry that the caller may not discover is left out.

use axum::Json;
use serde::Serialize;

use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
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
    extensions: Vec<Extension>,
}

#[derive(Debug, Serialize)]
pub(crate) struct OneExtension {
    extension: Extension,
}

/// The rule that guards whether an entry is shown.
fn is_discoverable(call: &Call, extension: &Extension) -> bool {
    call.may(&format!("os_masakari_api:{}:discoverable", extension.alias))
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
    let mut extensions = EXTENSIONS.to_vec();
    extensions.retain(|extension| is_discoverable(&call, extension));
    Ok(Json(Extensions { extensions }))
}

/// `GET /extensions/{alias}`.
pub(crate) async fn show(call: Call, Path(alias): Path<String>) -> Result<Json<OneExtension>, Fault> {
    call.demand(rule::EXTENSIONS_DETAIL)?;
    let extension = EXTENSIONS
        .into_iter()
        .find(|known| known.alias == alias && is_discoverable(&call, known))
        .ok_or(Fault::ResourceMissing)?;
    Ok(Json(OneExtension { extension }))
}
