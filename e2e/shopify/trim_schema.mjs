// Cuts the part of Shopify's Admin API schema that the connector's documents need out of the official introspection, which
// Shopify publishes in the npm package @shopify/dev-mcp (ISC). The cut part is kept in the connectors' tests, so that they
// need no Node. Of a kept type every field stays whose own type is kept or a scalar or an enumeration: a document can only
// ask for what Shopify has. A document that needs another type has its name added to KEPT, and this is run again:
//
//   npm pack @shopify/dev-mcp@1.16.0 && tar xzf shopify-dev-mcp-1.16.0.tgz
//   node trim_schema.mjs package/dist/data/admin_2026-10.json.gz \
//     > ../../crates/connectors/tests/recorded/shopify/admin_2026-10.graphql

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';

const KEPT = [
  'QueryRoot', 'Mutation', 'Node', 'PageInfo', 'UserError', 'Job',
  'Shop', 'AppInstallation', 'AccessScope', 'Location', 'LocationConnection',
  'Order', 'OrderConnection', 'OrderRiskSummary', 'OrderRiskAssessment', 'OrderTransaction', 'Customer', 'CustomerEmailAddress',
  'CustomerPhoneNumber', 'MailingAddress', 'Attribute', 'MoneyBag', 'MoneyV2', 'TaxLine', 'DiscountAllocation',
  'ShippingLine', 'ShippingLineConnection', 'LineItem', 'LineItemConnection', 'OrderCancelPayload', 'OrderCancelUserError',
  'FulfillmentOrder', 'FulfillmentOrderConnection', 'FulfillmentOrderAssignedLocation', 'FulfillmentOrderLineItem',
  'FulfillmentOrderLineItemConnection', 'Fulfillment', 'FulfillmentLineItem', 'FulfillmentLineItemConnection',
  'FulfillmentTrackingInfo', 'FulfillmentCreatePayload',
  'Product', 'ProductVariant', 'ProductVariantConnection', 'InventoryItem', 'InventoryLevel', 'InventoryQuantity',
  'InventorySetQuantitiesPayload', 'InventorySetQuantitiesUserError', 'ProductVariantsBulkUpdatePayload',
  'ProductVariantsBulkUpdateUserError', 'WebhookSubscription', 'WebhookSubscriptionConnection',
  'WebhookSubscriptionCreatePayload', 'WebhookSubscriptionDeletePayload',
];

const file = process.argv[2];
const introspection = JSON.parse(gunzipSync(readFileSync(file)));
const schema = (introspection.data ?? introspection).__schema;
const types = new Map(schema.types.map((type) => [type.name, type]));
const missing = KEPT.filter((name) => !types.has(name));
if (missing.length > 0) throw new Error(`the schema has no ${missing.join(', ')}`);

const kept = new Set(KEPT);
const named = (type) => (type.ofType ? named(type.ofType) : type.name);
const written = (type) => {
  if (type.kind === 'NON_NULL') return `${written(type.ofType)}!`;
  return type.kind === 'LIST' ? `[${written(type.ofType)}]` : type.name;
};
const BUILT_IN = ['String', 'Int', 'Float', 'Boolean', 'ID'];

// Scalars, enumerations and inputs come along with what names them.
const small = new Set();
const bring = (name) => {
  const type = types.get(name);
  if (small.has(name) || BUILT_IN.includes(name) || !['SCALAR', 'ENUM', 'INPUT_OBJECT'].includes(type.kind)) return;
  small.add(name);
  for (const field of type.inputFields ?? []) bring(named(field.type));
};
const isKept = (type) => kept.has(named(type)) || ['SCALAR', 'ENUM'].includes(types.get(named(type)).kind);
const fieldsOf = (type) => type.fields.filter((field) => isKept(field.type));
const mutations = [
  'fulfillmentCreate', 'inventorySetQuantities', 'orderCancel', 'productVariantsBulkUpdate',
  'webhookSubscriptionCreate', 'webhookSubscriptionDelete',
];
const members = (type) => (type.name === 'Mutation' ? type.fields.filter((f) => mutations.includes(f.name)) : fieldsOf(type));
for (const name of KEPT) {
  for (const field of members(types.get(name))) {
    bring(named(field.type));
    for (const arg of field.args) bring(named(arg.type));
  }
}

const defaulted = (value) => (value.defaultValue == null ? '' : ` = ${value.defaultValue}`);
const input = (value) => `${value.name}: ${written(value.type)}${defaulted(value)}`;
const deprecated = (field) => (field.isDeprecated ? ' @deprecated' : '');
const block = (head, rows) => `${head} {\n${rows.map((row) => `  ${row}`).join('\n')}\n}\n`;
const field = (f) => {
  const args = f.args.length > 0 ? `(${f.args.map(input).join(', ')})` : '';
  return `${f.name}${args}: ${written(f.type)}${deprecated(f)}`;
};

const print = (type) => {
  switch (type.kind) {
    case 'SCALAR':
      return `scalar ${type.name}\n`;
    case 'ENUM':
      return block(`enum ${type.name}`, type.enumValues.map((value) => `${value.name}${deprecated(value)}`));
    case 'INPUT_OBJECT': {
      const oneOf = type.isOneOf ? ' @oneOf' : '';
      return block(`input ${type.name}${oneOf}`, type.inputFields.map(input));
    }
    case 'INTERFACE':
      return block(`interface ${type.name}`, members(type).map(field));
    default: {
      const interfaces = (type.interfaces ?? []).map((one) => one.name).filter((name) => kept.has(name));
      const implemented = interfaces.length > 0 ? ` implements ${interfaces.join(' & ')}` : '';
      return block(`type ${type.name}${implemented}`, members(type).map(field));
    }
  }
};

const idempotent = schema.directives.find((directive) => directive.name === 'idempotent');
const oneOf = 'directive @oneOf on INPUT_OBJECT';
const names = [...kept, ...small].sort();
const notice = readFileSync(new URL('LICENSE', new URL(`file://${process.cwd()}/package/`)), 'utf8').trim();
console.log(`# Part of ${basename(file)} of the npm package @shopify/dev-mcp, cut out by e2e/shopify/trim_schema.mjs; not to be edited.`);
console.log(notice.split('\n').map((line) => `# ${line}`.trimEnd()).join('\n'));
console.log(`\nschema {\n  query: QueryRoot\n  mutation: Mutation\n}\n`);
console.log(`directive @idempotent(${idempotent.args.map(input).join(', ')}) on ${idempotent.locations.join(' | ')}\n\n${oneOf}\n`);
console.log(names.map((name) => print(types.get(name))).join('\n').trimEnd());
