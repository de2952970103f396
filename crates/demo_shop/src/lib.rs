//! demo_shop
