//! Roles, and what each may do: one table.

consign_db::text_enum! {
    /// What a user is here.
    pub enum Role {
        /// Everything, users and settings too.
        Owner = "owner",
        /// Everything but users and system settings.
        Manager = "manager",
        /// Orders and stock.
        Desk = "desk",
        /// Looks only.
        Viewer = "viewer",
    }
}

/// Something that needs permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See everything but users and credentials.
    View,
    /// Move, hold, process, note and cancel orders.
    WorkOrders,
    /// Delete orders.
    DeleteOrders,
    /// Set and adjust stock.
    EditStock,
    /// Make and edit items.
    EditItems,
    /// Make, edit and delete locations.
    ManageLocations,
    /// Add, set and remove channels.
    ManageChannels,
    /// Make and edit users.
    ManageUsers,
    /// System settings and metrics.
    ManageSettings,
}

impl Role {
    /// Whether the role has the permission.
    pub fn may(self, permission: Permission) -> bool {
        use Permission::{DeleteOrders, EditItems, EditStock, ManageChannels, ManageLocations, View, WorkOrders};
        match self {
            Role::Owner => true,
            Role::Manager => matches!(
                permission,
                View | WorkOrders | DeleteOrders | EditStock | EditItems | ManageLocations | ManageChannels
            ),
            Role::Desk => matches!(permission, View | WorkOrders | EditStock),
            Role::Viewer => permission == View,
        }
    }
}
