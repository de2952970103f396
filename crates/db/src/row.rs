//! Rows: which columns a type reads, and how.

use crate::{Error, FromValue, Kind, ValueRef};

/// A column that a row type reads.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name; empty where only the position counts (single values and tuples).
    pub name: &'static str,
    /// What it must hold.
    pub kind: Kind,
    /// Whether it may hold nothing.
    pub nullable: bool,
}

/// A row as an engine gives it.
pub struct RowRef<'r>(pub(crate) Source<'r>);

pub(crate) enum Source<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r postgres::Row),
}

impl RowRef<'_> {
    /// Reads the column at `index`.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, Error> {
        let fault = |message: String| Error::Type { column: index, message };
        match &self.0 {
            Source::Sqlite(row) => {
                use rusqlite::types::ValueRef as Found;
                let value = match row.get_ref(index)? {
                    Found::Null => ValueRef::Null,
                    Found::Integer(v) => ValueRef::Int(v),
                    Found::Text(v) => ValueRef::Text(std::str::from_utf8(v).map_err(|e| fault(e.to_string()))?),
                    Found::Blob(v) => ValueRef::Bytes(v),
                    Found::Real(_) => return Err(fault("is a floating-point number".to_owned())),
                };
                T::from_value(value).map_err(fault)
            }
            Source::Postgres(row) => {
                let read = |e: postgres::Error| fault(e.to_string());
                match T::KIND {
                    Kind::Int => T::from_value(
                        row.try_get::<_, Option<i64>>(index).map_err(read)?.map_or(ValueRef::Null, ValueRef::Int),
                    ),
                    Kind::Bool => T::from_value(
                        row.try_get::<_, Option<bool>>(index).map_err(read)?.map_or(ValueRef::Null, ValueRef::Bool),
                    ),
                    Kind::Text => T::from_value(
                        row.try_get::<_, Option<&str>>(index).map_err(read)?.map_or(ValueRef::Null, ValueRef::Text),
                    ),
                    Kind::Bytes => T::from_value(
                        row.try_get::<_, Option<&[u8]>>(index).map_err(read)?.map_or(ValueRef::Null, ValueRef::Bytes),
                    ),
                }
                .map_err(fault)
            }
        }
    }
}

/// A type that a row can be read into.
pub trait FromRow: Sized {
    /// The columns it reads, in their order.
    const COLUMNS: &'static [Column];
    /// Reads it.
    fn from_row(row: &RowRef<'_>) -> Result<Self, Error>;
}

/// A row type that is a table's, so that it can be inserted.
pub trait Table: FromRow {
    /// The table's name.
    const NAME: &'static str;
    /// Its values, in the order of the columns.
    fn values(&self) -> Vec<ValueRef<'_>>;
}

/// Reads nothing: for statements without rows.
impl FromRow for () {
    const COLUMNS: &'static [Column] = &[];
    fn from_row(_: &RowRef<'_>) -> Result<Self, Error> {
        Ok(())
    }
}

/// A row of one column for a value type and its optional form.
#[doc(hidden)]
#[macro_export]
macro_rules! scalar_row {
    ($type:ty) => {
        impl $crate::FromRow for $type {
            const COLUMNS: &'static [$crate::Column] = &[$crate::column_of::<$type>("")];
            fn from_row(row: &$crate::RowRef<'_>) -> Result<Self, $crate::Error> {
                row.get(0)
            }
        }
    };
}

impl<T: FromValue> FromRow for Option<T> {
    const COLUMNS: &'static [Column] = &[column_of::<Option<T>>("")];
    fn from_row(row: &RowRef<'_>) -> Result<Self, Error> {
        row.get(0)
    }
}

/// Describes the column that a value type reads.
pub const fn column_of<T: FromValue>(name: &'static str) -> Column {
    Column { name, kind: T::KIND, nullable: T::NULLABLE }
}

macro_rules! tuple_row {
    ($($type:ident $index:tt),*) => {
        impl<$($type: FromValue),*> FromRow for ($($type,)*) {
            const COLUMNS: &'static [Column] = &[$(column_of::<$type>("")),*];
            fn from_row(row: &RowRef<'_>) -> Result<Self, Error> {
                Ok(($(row.get::<$type>($index)?,)*))
            }
        }
    };
}
tuple_row!(A 0, B 1);
tuple_row!(A 0, B 1, C 2);
tuple_row!(A 0, B 1, C 2, D 3);
tuple_row!(A 0, B 1, C 2, D 3, E 4);
tuple_row!(A 0, B 1, C 2, D 3, E 4, F 5);

/// Declares a row type. With `in "table"` it can be inserted, too; its fields are then the table's columns.
#[macro_export]
macro_rules! row {
    ($(#[$doc:meta])* $vis:vis struct $name:ident in $table:literal { $($(#[$fdoc:meta])* $fvis:vis $field:ident : $type:ty),* $(,)? }) => {
        $crate::row! { $(#[$doc])* $vis struct $name { $($(#[$fdoc])* $fvis $field : $type),* } }
        impl $crate::Table for $name {
            const NAME: &'static str = $table;
            fn values(&self) -> Vec<$crate::ValueRef<'_>> {
                vec![$($crate::ToValue::to_value(&self.$field)),*]
            }
        }
    };
    ($(#[$doc:meta])* $vis:vis struct $name:ident { $($(#[$fdoc:meta])* $fvis:vis $field:ident : $type:ty),* $(,)? }) => {
        $(#[$doc])*
        $vis struct $name { $($(#[$fdoc])* $fvis $field : $type),* }
        impl $crate::FromRow for $name {
            const COLUMNS: &'static [$crate::Column] = &[$($crate::column_of::<$type>(stringify!($field))),*];
            fn from_row(row: &$crate::RowRef<'_>) -> Result<Self, $crate::Error> {
                let mut index = 0..;
                Ok($name { $($field: row.get::<$type>(index.next().unwrap_or_default())?),* })
            }
        }
    };
}

/// A batch's row of parameters: `params![line.id, line.quantity]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::Value::from($crate::ToValue::to_value(&$value))),*] };
}
