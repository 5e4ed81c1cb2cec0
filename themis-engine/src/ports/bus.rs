//! Questions to the monitors. Fire and forget: answers arrive in the inbox, a question that is lost is asked again.

use async_trait::async_trait;
use themis_core::inquiry::{CensusInquiry, LifeInquiry, ProbeInquiry, ResendInquiry};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inquiry {
    /// Send a whole report.
    Resend(ResendInquiry),
    /// Probe a host.
    Probe(ProbeInquiry),
    /// Report with a nonce.
    Life(LifeInquiry),
    /// Which guests run there.
    Census(CensusInquiry),
}

/// The way to the monitors.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Asks; bounded in time, and dropped when the broker is away: a stale question is worth nothing.
    async fn ask(&self, inquiry: Inquiry);
}
