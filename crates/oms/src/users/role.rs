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

consign_db::text_enum! {
    /// Something that needs permission. The code is the scope of an API token.
    pub enum Permission {
        /// See everything but users and credentials.
        View = "view",
        /// Move, hold, process, note and cancel orders.
        WorkOrders = "work_orders",
        /// Delete orders.
        DeleteOrders = "delete_orders",
        /// Set and adjust stock.
        EditStock = "edit_stock",
        /// Make and edit items.
        EditItems = "edit_items",
        /// Make, edit and delete locations.
        ManageLocations = "manage_locations",
        /// Add, set and remove channels.
        ManageChannels = "manage_channels",
        /// Make, publish and switch rules.
        ManageRules = "manage_rules",
        /// Make and edit users.
        ManageUsers = "manage_users",
        /// System settings and metrics.
        ManageSettings = "manage_settings",
    }
}

impl Role {
    /// Whether the role has the permission.
    pub fn may(self, permission: Permission) -> bool {
        use Permission::{
            DeleteOrders, EditItems, EditStock, ManageChannels, ManageLocations, ManageRules, View, WorkOrders,
        };
        match self {
            Role::Owner => true,
            Role::Manager => matches!(
                permission,
                View | WorkOrders
                    | DeleteOrders
                    | EditStock
                    | EditItems
                    | ManageLocations
                    | ManageChannels
                    | ManageRules
            ),
            Role::Desk => matches!(permission, View | WorkOrders | EditStock),
            Role::Viewer => permission == View,
        }
    }
}

impl Permission {
    /// In plain words.
    pub fn label(self) -> &'static str {
        match self {
            Permission::View => "See orders, stock, items, locations and channels",
            Permission::WorkOrders => {
                "Make, edit, move, hold, process, split, merge and cancel orders; import and export them"
            }
            Permission::DeleteOrders => "Delete orders",
            Permission::EditStock => "Set and adjust stock",
            Permission::EditItems => "Make and edit items, kits and prices",
            Permission::ManageLocations => "Make, edit and delete locations",
            Permission::ManageChannels => "Add, set up and remove channels; link their SKUs",
            Permission::ManageRules => "Make, publish and switch rules",
            Permission::ManageUsers => "Make and edit users and tokens; see the audit",
            Permission::ManageSettings => "Change settings of the company, schedules, webhooks; read metrics",
        }
    }
}
