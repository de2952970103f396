// Fills an empty Medusa by its admin API: a region with British VAT, a stock location, a shipping option, two variants with
// 100 of each in stock. Seeding the same shop again would add a second region of the same country, which Medusa refuses.

/** An admin's call: a POST where there is a body. */
export function admin(url, token) {
  return async (path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
}

/** Signs in as the user that `start.mjs` makes. */
export async function signIn(url, email, password) {
  const { token } = await admin(url)('/auth/user/emailpass', { email, password });
  return admin(url, token);
}

/** Fills the shop. */
export async function seed(call) {
  const channel = (await call('/admin/sales-channels')).sales_channels[0];
  const profile = (await call('/admin/shipping-profiles')).shipping_profiles[0];
  const { region } = await call('/admin/regions', {
    name: 'United Kingdom',
    currency_code: 'gbp',
    countries: ['gb'],
    payment_providers: ['pp_system_default'],
  });
  await call('/admin/tax-regions', {
    country_code: 'gb',
    provider_id: 'tp_system',
    default_tax_rate: { name: 'VAT', code: 'GB20', rate: 20 },
  });
  const address = { address_1: '1 Depot Rd', city: 'Leeds', country_code: 'gb', postal_code: 'LS1 1AA' };
  const { stock_location: location } = await call('/admin/stock-locations', { name: 'Leeds', address });
  await call(`/admin/stock-locations/${location.id}/sales-channels`, { add: [channel.id] });
  await call(`/admin/stock-locations/${location.id}/fulfillment-providers`, { add: ['manual_manual'] });
  await call(`/admin/stock-locations/${location.id}/fulfillment-sets`, { name: 'Shipping from Leeds', type: 'shipping' });
  const located = await call(`/admin/stock-locations/${location.id}?fields=*fulfillment_sets`);
  const set = located.stock_location.fulfillment_sets[0];
  const zones = await call(`/admin/fulfillment-sets/${set.id}/service-zones`, {
    name: 'United Kingdom',
    geo_zones: [{ type: 'country', country_code: 'gb' }],
  });
  await call('/admin/shipping-options', {
    name: 'Royal Mail 48',
    service_zone_id: zones.fulfillment_set.service_zones[0].id,
    shipping_profile_id: profile.id,
    provider_id: 'manual_manual',
    price_type: 'flat',
    type: { label: 'Standard', description: '2-3 days', code: 'standard' },
    prices: [{ currency_code: 'gbp', amount: 3.5 }],
    rules: [],
  });
  const variant = (size, amount, ...further) => ({
    title: size,
    sku: `TEE-${size}`,
    manage_inventory: true,
    options: { Size: size },
    prices: [
      { currency_code: 'gbp', amount },
      { currency_code: 'eur', amount: amount + 2 },
      ...further,
    ],
  });
  const regional = { currency_code: 'gbp', amount: 12.49, rules: { region_id: region.id } };
  await call('/admin/products', {
    title: 'Tee',
    status: 'published',
    shipping_profile_id: profile.id,
    options: [{ title: 'Size', values: ['S', 'M'] }],
    sales_channels: [{ id: channel.id }],
    variants: [variant('S', 10), variant('M', 12.5, regional)],
  });
  const items = (await call('/admin/inventory-items?fields=id,sku')).inventory_items;
  await call('/admin/inventory-items/location-levels/batch', {
    create: items.map(({ id }) => ({ inventory_item_id: id, location_id: location.id, stocked_quantity: 100 })),
  });
}
