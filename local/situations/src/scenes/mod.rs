//! One function for each situation. It gives the number of pushes that may be tried, over all phones;
//! what holds of every situation is checked by [`Stage::judge`].

mod clock;
mod database;
mod deletions;
mod provider;
mod pushes;
mod records;
mod templates;
mod tokens;

use crate::stage::Stage;
use crate::{Error, Situation};

/// Plays a situation to its end.
pub(crate) async fn play(situation: Situation, stage: &mut Stage<'_>) -> Result<usize, Error> {
    match situation {
        Situation::LostPush => pushes::lost_push(stage).await,
        Situation::DeadTokenOld => tokens::dead_token_old(stage).await,
        Situation::DeadTokenNew => tokens::dead_token_new(stage).await,
        Situation::TooManyRequests => pushes::too_many_requests(stage).await,
        Situation::ApnsOutage => pushes::apns_outage(stage).await,
        Situation::ExpiredProviderToken => provider::expired_provider_token(stage).await,
        Situation::CrashDuringPublish => database::crash_during_publish(stage).await,
        Situation::RedeliveredRecords => records::redelivered_records(stage).await,
        Situation::ReorderedRecords => records::reordered_records(stage).await,
        Situation::PoisonRecord => records::poison_record(stage).await,
        Situation::ThrottledTable => database::throttled_table(stage).await,
        Situation::TransactionConflict => database::transaction_conflict(stage).await,
        Situation::ClockSetBack => clock::clock_set_back(stage).await,
        Situation::DeletionBurst => deletions::deletion_burst(stage).await,
        Situation::TemplateRolledBack => templates::template_rolled_back(stage).await,
    }
}
