use painda_runtime::schema;

schema! { pub Arena { schemas::PlayerHit, other_schema::PlayerHit } }

fn main() {}
