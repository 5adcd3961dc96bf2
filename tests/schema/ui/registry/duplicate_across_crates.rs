use painda_runtime::schema;

schema! {
    pub Arena {
        schemas::PlayerMove,
        other_schema::SameId,
        other_schema::SameName,
    }
}

fn main() {}
