//! Every GraphQL document that goes to Shopify, for Admin API version 2026-10.
//!
//! `schema_tests.rs` checks all of them against Shopify's own schema, so each is made by [`documents!`], which leaves none out.
//! Connections take `$first`, so that a question that costs more than Shopify allows can be asked in smaller pages.

/// The version that the documents are written for.
pub(super) const VERSION: &str = "2026-10";

macro_rules! documents {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        $($(#[$doc])* pub(super) const $name: &str = $text;)+
        /// All of them, by name.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

/// All of an order that `mapping.rs` reads.
macro_rules! order {
    () => {
        "fragment O on Order{id name createdAt updatedAt processedAt cancelledAt sourceName currencyCode taxesIncluded \
         displayFinancialStatus displayFulfillmentStatus email phone note tags poNumber discountCodes paymentGatewayNames \
         customAttributes{key value} risk{recommendation assessments{riskLevel}} \
         customer{displayName defaultEmailAddress{emailAddress} defaultPhoneNumber{phoneNumber}} \
         shippingAddress{...A} billingAddress{...A} currentTotalPriceSet{shopMoney{amount}} \
         shippingLines(first:5){nodes{title code currentDiscountedPriceSet{shopMoney{amount}} \
         taxLines{ratePercentage priceSet{shopMoney{amount}}}}} \
         transactions(first:10){kind status gateway processedAt paymentId} \
         lineItems(first:50){nodes{...L} pageInfo{hasNextPage endCursor}}} \
         fragment A on MailingAddress{name company address1 address2 city province country countryCodeV2 zip phone} "
    };
}

/// A line of an order.
macro_rules! line {
    () => {
        "fragment L on LineItem{id title variantTitle sku quantity currentQuantity unfulfilledQuantity requiresShipping \
         variant{id} customAttributes{key value} originalUnitPriceSet{shopMoney{amount}} \
         discountAllocations{allocatedAmountSet{shopMoney{amount}}} \
         taxLines{ratePercentage priceSet{shopMoney{amount}}}} "
    };
}

/// A fulfilment order, of which we despatch lines.
macro_rules! fulfilment_order_lines {
    () => {
        "fragment F on FulfillmentOrderLineItemConnection{nodes{id remainingQuantity lineItem{id}} \
         pageInfo{hasNextPage endCursor}} "
    };
}

macro_rules! variant {
    () => {
        "fragment V on ProductVariant{id sku product{id} inventoryItem{id}} "
    };
}

documents! {
    /// Who we are, what we may do, and the shop's locations.
    WHO = "query{shop{name myshopifyDomain currencyCode} currentAppInstallation{accessScopes{handle}} \
        locations(first:100){nodes{id name}}}";

    /// A page of orders, oldest change first.
    ORDERS = concat!("query($first:Int!,$after:String,$query:String!){orders(first:$first,after:$after,query:$query,\
        sortKey:UPDATED_AT){nodes{...O} pageInfo{hasNextPage endCursor}}} ", order!(), line!());

    /// Orders by their ids; null where there is none.
    ORDERS_BY_ID = concat!("query($ids:[ID!]!){nodes(ids:$ids){...O}} ", order!(), line!());

    /// Further lines of a long order.
    MORE_LINES = concat!("query($id:ID!,$first:Int!,$after:String){order(id:$id){lineItems(first:$first,after:$after)\
        {nodes{...L} pageInfo{hasNextPage endCursor}}}} ", line!());

    /// A page of orders with what tells whether they would be downloaded as open.
    REFERENCES = "query($first:Int!,$after:String,$query:String!){orders(first:$first,after:$after,query:$query,\
        sortKey:CREATED_AT){nodes{id cancelledAt sourceName requiresShipping displayFinancialStatus displayFulfillmentStatus \
        paymentGatewayNames tags risk{recommendation assessments{riskLevel}}} pageInfo{hasNextPage endCursor}}}";

    /// What despatch and cancellation must know of an order.
    ORDER_STATE = concat!("query($id:ID!,$first:Int!){order(id:$id){id cancelledAt \
        fulfillmentOrders(first:20){nodes{id status assignedLocation{location{id}} lineItems(first:$first){...F}}} \
        fulfillments(first:50){status createdAt trackingInfo(first:10){number} \
        fulfillmentLineItems(first:$first){nodes{quantity lineItem{id}}}}}} ", fulfilment_order_lines!());

    /// From which of the shop's locations the units of an order are to come.
    ORDER_LOCATIONS = concat!("query($id:ID!,$first:Int!){order(id:$id){fulfillmentOrders(first:20){nodes{id status \
        assignedLocation{name location{id}} lineItems(first:$first){...F}}}}} ", fulfilment_order_lines!());

    /// Further lines of a long fulfilment order.
    MORE_FULFILMENT_LINES = concat!("query($id:ID!,$first:Int!,$after:String){fulfillmentOrder(id:$id)\
        {lineItems(first:$first,after:$after){...F}}} ", fulfilment_order_lines!());

    /// Ships lines of fulfilment orders that are in one location.
    FULFIL = "mutation($fulfillment:FulfillmentInput!){result:fulfillmentCreate(fulfillment:$fulfillment)\
        {fulfillment{id status} userErrors{field message}}}";

    /// Cancels a whole order. The work is done after the answer.
    CANCEL = "mutation($id:ID!,$refund:Boolean!,$notify:Boolean!,$note:String){result:orderCancel(orderId:$id,reason:OTHER,\
        restock:true,refundMethod:{originalPaymentMethodsRefund:$refund},notifyCustomer:$notify,staffNote:$note)\
        {job{id} userErrors:orderCancelUserErrors{field message}}}";

    /// Variants by their ids, and the currency of prices.
    VARIANTS_BY_ID = concat!("query($ids:[ID!]!){shop{currencyCode} nodes(ids:$ids){...V}} ", variant!());

    /// Variants by a search, and the currency of prices.
    VARIANTS = concat!("query($first:Int!,$query:String!){shop{currencyCode} productVariants(first:$first,query:$query)\
        {nodes{...V}}} ", variant!());

    /// A page of listings with what is available at our location.
    LISTINGS = "query($first:Int!,$query:String,$location:ID!){productVariants(first:$first,query:$query,sortKey:ID)\
        {nodes{id sku displayName inventoryItem{tracked inventoryLevel(locationId:$location)\
        {quantities(names:[\"available\"]){quantity}}}} pageInfo{hasNextPage}}}";

    /// Sets what is available. From 2026-04 the key is required; each call needs one of its own.
    SET_STOCK = "mutation($input:InventorySetQuantitiesInput!,$key:String!){result:inventorySetQuantities(input:$input)\
        @idempotent(key:$key){userErrors{field message}}}";

    /// Sets prices of a product's variants, those that can be.
    SET_PRICES = "mutation($product:ID!,$variants:[ProductVariantsBulkInput!]!){result:productVariantsBulkUpdate(\
        productId:$product,variants:$variants,allowPartialUpdates:true){userErrors{field message}}}";

    /// Shipping and payment methods of the latest orders.
    METHODS = "query($first:Int!){orders(first:$first,sortKey:CREATED_AT,reverse:true){nodes{paymentGatewayNames \
        shippingLines(first:1){nodes{title code}}}}}";

    /// The app's webhooks that call an address.
    HOOKS = "query($uri:String!){webhookSubscriptions(first:100,uri:$uri){nodes{id topic}}}";

    /// Has an address called.
    ADD_HOOK = "mutation($topic:WebhookSubscriptionTopic!,$hook:WebhookSubscriptionInput!){result:webhookSubscriptionCreate(\
        topic:$topic,webhookSubscription:$hook){webhookSubscription{id} userErrors{field message}}}";

    /// Takes a webhook back.
    DROP_HOOK = "mutation($id:ID!){result:webhookSubscriptionDelete(id:$id){userErrors{field message}}}";
}
