//! A state as rows: one for each instance's objects, one for each intent, one for all else.

use crate::link::Link;
use formwork_state::store::{Address, Codec, Fold, Group, Stored};
use formwork_state::{Pending, State, StateError};
use postgres::types::ToSql;
use postgres::{Error, GenericClient, Transaction};

/// Version of the tables' format.
const FORMAT: i32 = 1;
/// How much is sent at once.
const CHUNK: usize = 8 << 20;
/// What Terraform finds in its own column: a format that it refuses, so that it never works on a state that is out of date.
pub(crate) const MARKER: &str = "{\"version\":1000,\"terraform_version\":\"1.11.4\",\"note\":\"Formwork keeps this state in the tables \
                                 whose names begin with formwork_. To go back: formwork state pull, or formwork init -migrate-state.\"}";

/// Why something could not be read or written.
pub(crate) enum Failure {
    /// The database or the way to it.
    Database(Error),
    /// Its content.
    State(StateError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Database(error)
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Failure::State(error)
    }
}

/// What is written, ready for the database: it may have to be written twice.
#[derive(Default)]
pub(crate) struct Writing {
    /// Addresses whose objects go; `None` for all.
    gone: Option<Vec<String>>,
    /// Addresses and bodies of objects.
    objects: Vec<(String, Vec<u8>)>,
    /// Tokens of intents that go; with `only`, all but these.
    settled: Vec<String>,
    only: bool,
    intents: Vec<(String, Vec<u8>)>,
    /// The rest of the state; `None` if it stays as it is.
    frame: Option<Vec<u8>>,
    dirty: Option<bool>,
}

impl Writing {
    pub(crate) fn of_group(codec: &Codec, group: &Group<'_>) -> Result<Writing, StateError> {
        let mut writing = Writing { gone: Some(Vec::new()), ..Writing::default() };
        writing.instances(codec, group.state, group.touched.iter())?;
        for (token, pending) in group.tokens() {
            match pending {
                Some((pending, foreign)) => writing.intent(codec, pending, foreign)?,
                None => writing.settled.push(token.to_string()),
            }
        }
        // The first to write says which lineage it is: everybody else goes on under it.
        if let Some(lineage) = group.new_lineage {
            let State { serial, outputs, check_results, .. } = group.state;
            let (outputs, check_results) = (outputs.clone(), check_results.clone());
            let (serial, lineage) = (*serial, lineage.to_owned());
            let named = State { serial, lineage, outputs, check_results, ..State::default() };
            writing.frame = Some(codec.frame_to_bytes(&named)?);
        }
        writing.dirty = (!group.touched.is_empty()).then_some(true);
        Ok(writing)
    }

    pub(crate) fn of_fold(codec: &Codec, fold: &Fold<'_>) -> Result<Writing, StateError> {
        let pending: Vec<(&Pending, bool)> = fold.pending().collect();
        let mut writing = match fold.touched() {
            Some(touched) => {
                let mut writing = Writing { gone: Some(Vec::new()), ..Writing::default() };
                writing.instances(codec, fold.state, touched.iter())?;
                writing
            }
            None => Writing::whole(codec, fold.state)?,
        };
        for (pending, foreign) in pending {
            writing.intent(codec, pending, foreign)?;
        }
        writing.only = true;
        writing.frame = Some(codec.frame_to_bytes(fold.state)?);
        writing.dirty = Some(false);
        Ok(writing)
    }

    /// All of a state.
    fn whole(codec: &Codec, state: &State) -> Result<Writing, StateError> {
        let mut writing = Writing::default();
        for (address, ..) in state.instances() {
            let objects = codec.instance_to_bytes(state, &address)?;
            let text = address.to_string();
            writing.objects.extend(objects.into_iter().map(|o| (text.clone(), o)));
        }
        writing.frame = Some(codec.frame_to_bytes(state)?);
        writing.dirty = Some(false);
        Ok(writing)
    }

    /// A state that another tool wrote, over what was there.
    pub(crate) fn taken_over(codec: &Codec, stored: &Stored) -> Result<Writing, StateError> {
        let mut writing = Writing::whole(codec, &stored.state)?;
        for (pending, foreign) in &stored.pending {
            writing.intent(codec, pending, *foreign)?;
        }
        writing.only = true;
        Ok(writing)
    }

    fn instances<'a>(
        &mut self,
        codec: &Codec,
        state: &State,
        touched: impl Iterator<Item = &'a Address>,
    ) -> Result<(), StateError> {
        for address in touched {
            let text = address.to_string();
            for object in codec.instance_to_bytes(state, address)? {
                self.objects.push((text.clone(), object));
            }
            if let Some(gone) = &mut self.gone {
                gone.push(text);
            }
        }
        Ok(())
    }

    fn intent(&mut self, codec: &Codec, pending: &Pending, foreign: bool) -> Result<(), StateError> {
        let body = codec.pending_to_bytes(pending, foreign)?;
        self.intents.push((pending.intent.token.to_string(), body));
        Ok(())
    }

    /// Writes it.
    pub(crate) fn write(&self, link: &Link, id: i64, t: &mut Transaction<'_>) -> Result<(), Error> {
        let s = &link.settings.schema;
        t.execute(
            &format!("UPDATE {s}.states SET data = $2 WHERE id = $1 AND data IS DISTINCT FROM $2"),
            &[&id, &MARKER],
        )?;
        match &self.gone {
            None => {
                t.execute(&format!("DELETE FROM {s}.formwork_objects WHERE state = $1"), &[&id])?;
            }
            Some(gone) if gone.is_empty() => {}
            Some(gone) => {
                let sql = format!(
                    "DELETE FROM {s}.formwork_objects WHERE state = $1 AND left(address, 500) = ANY (SELECT left(a, 500) FROM \
                     unnest($2::text[]) a) AND address = ANY ($2)"
                );
                t.execute(&sql, &[&id, gone])?;
            }
        }
        let insert = format!(
            "INSERT INTO {s}.formwork_objects (state, address, body) SELECT $1, a, b FROM unnest($2::text[], $3::bytea[]) AS r (a, b)"
        );
        insert_all(t, &insert, id, &self.objects)?;
        if self.only {
            let tokens: Vec<&str> = self.intents.iter().map(|(token, _)| &**token).collect();
            let sql = format!("DELETE FROM {s}.formwork_intents WHERE state = $1 AND token <> ALL ($2)");
            t.execute(&sql, &[&id, &tokens])?;
        } else if !self.settled.is_empty() {
            let sql = format!("DELETE FROM {s}.formwork_intents WHERE state = $1 AND token = ANY ($2)");
            t.execute(&sql, &[&id, &self.settled])?;
        }
        let insert = format!(
            "INSERT INTO {s}.formwork_intents (state, token, body)
             SELECT $1, r.token, r.body FROM unnest($2::text[], $3::bytea[]) WITH ORDINALITY AS r (token, body, place) ORDER BY place
             ON CONFLICT (state, token) DO UPDATE SET body = EXCLUDED.body"
        );
        insert_all(t, &insert, id, &self.intents)?;
        if self.frame.is_some() || self.dirty.is_some() {
            let sql = format!(
                "UPDATE {s}.formwork_states SET frame = coalesce($2, frame), dirty = coalesce($3, dirty) WHERE id = $1"
            );
            t.execute(&sql, &[&id, &self.frame, &self.dirty])?;
        }
        Ok(())
    }
}

fn insert_all(t: &mut Transaction<'_>, sql: &str, id: i64, rows: &[(String, Vec<u8>)]) -> Result<(), Error> {
    let mut rest = rows;
    while !rest.is_empty() {
        let (mut count, mut size) = (0, 0);
        while count < rest.len() && (count == 0 || size + rest[count].1.len() <= CHUNK) {
            size += rest[count].1.len();
            count += 1;
        }
        let (now, later) = rest.split_at(count);
        let names: Vec<&str> = now.iter().map(|(name, _)| &**name).collect();
        let bodies: Vec<&[u8]> = now.iter().map(|(_, body)| &**body).collect();
        let parameters: [&(dyn ToSql + Sync); 3] = [&id, &names, &bodies];
        t.execute(sql, &parameters)?;
        rest = later;
    }
    Ok(())
}

/// Reads a state. The second value says whether another tool wrote it, so that the rows are out of date.
pub(crate) fn read(
    link: &Link,
    name: &str,
    client: &mut impl GenericClient,
    has_tables: bool,
) -> Result<(Option<Stored>, bool), Failure> {
    let s = &link.settings.schema;
    let row = client.query_opt(&format!("SELECT id, data FROM {s}.states WHERE name = $1"), &[&name])?;
    let Some(row) = row else { return Ok((None, false)) };
    let (id, data): (i64, Option<String>) = (row.get(0), row.get(1));
    let theirs = data.filter(|data| data != MARKER && !data.trim().is_empty());
    let mut stored = if has_tables { rows(link, id, client)? } else { None };
    let Some(text) = theirs else { return Ok((stored, false)) };
    let theirs = link.codec.snapshot_from_bytes(text.as_bytes())?.unwrap_or_default();
    // What our journal said belonged to another state.
    let pending = stored.take().map(|s| s.pending).unwrap_or_default();
    let pending = pending.into_iter().map(|(pending, _)| (pending, true)).collect();
    Ok((Some(Stored { pending, ..theirs }), true))
}

fn rows(link: &Link, id: i64, client: &mut impl GenericClient) -> Result<Option<Stored>, Failure> {
    let (s, codec) = (&link.settings.schema, &link.codec);
    let sql = format!("SELECT format, frame, dirty FROM {s}.formwork_states WHERE id = $1");
    let Some(row) = client.query_opt(&sql, &[&id])? else { return Ok(None) };
    let (format, frame, dirty): (i32, Vec<u8>, bool) = (row.get(0), row.get(1), row.get(2));
    if format != FORMAT {
        return Err(Failure::State(StateError::Store {
            action: "read the state",
            place: link.place.clone(),
            problem: format!(
                "its tables are in version {format} of their format, and version {FORMAT} is understood"
            ),
            help: "Use a newer version of this program.".into(),
            safe: "Nothing was changed.".into(),
        }));
    }
    let framed = codec.snapshot_from_bytes(&frame)?;
    let is_new = framed.is_none();
    let mut stored = framed.unwrap_or_default();
    let sql = format!("SELECT body FROM {s}.formwork_objects WHERE state = $1");
    for row in client.query(&sql, &[&id])? {
        let body: &[u8] = row.get(0);
        codec.object_from_bytes(body, &mut stored)?;
    }
    let sql = format!("SELECT body FROM {s}.formwork_intents WHERE state = $1 ORDER BY number");
    for row in client.query(&sql, &[&id])? {
        let body: &[u8] = row.get(0);
        codec.pending_from_bytes(body, &mut stored)?;
    }
    // Opened, and nothing written yet.
    if is_new && stored.pending.is_empty() && stored.state.resources.is_empty() {
        return Ok(None);
    }
    Ok(Some(Stored { dirty, ..stored }))
}

/// Makes the caller the one who writes; the number to write under. Whoever wrote before is refused from now on.
pub(crate) fn claim(link: &Link, id: i64, t: &mut Transaction<'_>) -> Result<i64, Error> {
    let s = &link.settings.schema;
    let sql = format!(
        "INSERT INTO {s}.formwork_states (id, format, owner, step, dirty, frame) VALUES ($1, $2, 1, 0, false, '')
         ON CONFLICT (id) DO UPDATE SET owner = formwork_states.owner + 1, step = 0 RETURNING owner"
    );
    Ok(t.query_one(&sql, &[&id, &FORMAT])?.get(0))
}
