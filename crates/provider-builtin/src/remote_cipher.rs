//! States of other configurations that are encrypted.

use crate::remote_state::RemoteState;
use async_trait::async_trait;
use formwork_provider::{Call, CallError, DataSource, Model, Problem, Schema};
use formwork_state::Cipher;
use formwork_value::{Path, Value};
use std::sync::Arc;

/// What the state is encrypted with that a data source reads: it is asked with the name of the data source.
pub type RemoteCiphers = Arc<dyn Fn(&str) -> Arc<dyn Cipher> + Send + Sync>;

/// `terraform_remote_state`, with ciphers.
pub(crate) struct Decrypting {
    pub(crate) plain: Arc<dyn DataSource>,
    pub(crate) ciphers: RemoteCiphers,
}

#[async_trait]
impl DataSource for Decrypting {
    fn type_name(&self) -> &str {
        self.plain.type_name()
    }

    fn schema(&self) -> &Schema {
        self.plain.schema()
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        self.plain.validate(config)
    }

    fn secrets(&self, object: &Value) -> Vec<Path> {
        self.plain.secrets(object)
    }

    fn files(&self, config: &Value) -> Vec<String> {
        self.plain.files(config)
    }

    fn is_asked_again(&self) -> bool {
        self.plain.is_asked_again()
    }

    async fn read(&self, call: &Call<'_>, config: &Value) -> Result<Value, CallError> {
        let asked = RemoteState::from_value(config)
            .map_err(|problem| CallError::new(problem.summary, problem.detail).on(problem.path))?;
        Ok(asked.find((self.ciphers)(call.about))?.to_value())
    }
}
