//! Leaving and arriving, as the operator orders it: archives are written by the server, and read by the command, which hands
//! them over batch by batch. So a bad archive can do no harm where others are served, and nobody waits for more than a batch.

use std::path::PathBuf;

use super::protocol::{Answer, Failure};
use super::{blocking, find_account, told, with_causes};
use crate::archives::Batch;
use crate::archives::export::export_account;
use crate::archives::instance::export_instance;
use crate::archives::taking::Importer;
use crate::instance::Instance;
use crate::store::open::database_in;

pub(super) async fn export(
    instance: &Instance,
    name: &str,
    file: PathBuf,
) -> Result<Answer, Failure> {
    if !file.is_absolute() {
        return Err(Failure::new("the path of an archive has to be absolute"));
    }
    let account = find_account(instance, name).await?;
    let database = database_in(&instance.data_dir);
    let url = (*instance.url).clone();
    let now = instance.clock.now();
    let exported = blocking(move || export_account(&database, account, &url, &file, now));
    let exported = exported.await?.map_err(|error| with_causes(&error))?;
    Ok(Answer::Exported { exported })
}

pub(super) async fn export_whole(
    instance: &Instance,
    file: PathBuf,
    without_secrets: bool,
) -> Result<Answer, Failure> {
    if !file.is_absolute() {
        return Err(Failure::new("the path of an archive has to be absolute"));
    }
    let plan = instance.backups.plan(file.clone());
    let exported = blocking(move || export_instance(plan, &file, without_secrets));
    let manifest = exported.await?.map_err(|error| with_causes(&error))?;
    Ok(Answer::InstanceExported { manifest })
}

pub(super) async fn begin(instance: &Instance, name: &str) -> Result<Answer, Failure> {
    find_account(instance, name).await?;
    Ok(Answer::ImportBegun {
        host: instance.url.authority().to_owned(),
    })
}

pub(super) async fn import(
    instance: &Instance,
    name: &str,
    batch: Batch,
) -> Result<Answer, Failure> {
    let account = find_account(instance, name).await?;
    let fates = Importer::of(instance)
        .take(account, batch)
        .await
        .map_err(told)?;
    Ok(Answer::Imported { fates })
}
