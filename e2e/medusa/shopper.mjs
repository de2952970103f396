// A customer and the owner of the Medusa shop, as its two APIs serve them.
import { EMAIL, PASSWORD } from './start.mjs';
import { signIn } from './seed.mjs';

const ORDER =
  'id,status,total,updated_at,fulfillment_status,*items,*payment_collections.payments,*fulfillments,*fulfillments.items,*fulfillments.labels';

export class MedusaShop {
  #admin;
  #publishable;

  constructor(url) {
    this.url = url;
  }

  /** A call of the owner's: a POST where there is a body. */
  async admin(path, body) {
    this.#admin ??= await signIn(this.url, EMAIL, PASSWORD);
    return this.#admin(path, body);
  }

  /** A secret key, as the owner makes one for Consign. */
  async key() {
    return (await this.admin('/admin/api-keys', { title: 'Consign', type: 'secret' })).api_key.token;
  }

  async #store(path, body) {
    this.#publishable ??= (await this.admin('/admin/api-keys?type=publishable')).api_keys[0].token;
    const answer = await fetch(`${this.url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'content-type': 'application/json', 'x-publishable-api-key': this.#publishable },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async variant(sku) {
    const fields = 'id,*inventory_items.inventory.location_levels';
    return (await this.admin(`/admin/product-variants?sku[]=${sku}&fields=${fields}`)).variants[0];
  }

  /** What of a SKU can still be sold. */
  async onSale(sku) {
    return (await this.variant(sku)).inventory_items[0].inventory.location_levels[0].available_quantity;
  }

  /** Buys as a guest; the order's id. Unless `capture` is false, the owner captures the authorised payment. */
  async placeOrder({ lines, capture = true }) {
    const region_id = (await this.admin('/admin/regions')).regions[0].id;
    const address = { first_name: 'Ada', last_name: 'Buyer', address_1: '1 High St', city: 'Leeds', country_code: 'gb', postal_code: 'LS1 1AA' };
    const items = [];
    for (const [sku, quantity] of Object.entries(lines)) items.push({ variant_id: (await this.variant(sku)).id, quantity });
    const { cart } = await this.#store('/store/carts', {
      region_id, email: 'ada@example.com', shipping_address: address, billing_address: address, items,
    });
    const { shipping_options } = await this.#store(`/store/shipping-options?cart_id=${cart.id}`);
    await this.#store(`/store/carts/${cart.id}/shipping-methods`, { option_id: shipping_options[0].id });
    const { payment_collection } = await this.#store('/store/payment-collections', { cart_id: cart.id });
    await this.#store(`/store/payment-collections/${payment_collection.id}/payment-sessions`, { provider_id: 'pp_system_default' });
    const { order } = await this.#store(`/store/carts/${cart.id}/complete`, {});
    if (capture) await this.capture(order.id);
    return order.id;
  }

  async order(id) {
    return (await this.admin(`/admin/orders/${id}?fields=${ORDER}`)).order;
  }

  /** The owner takes the money. */
  async capture(id) {
    const { payment_collections } = await this.order(id);
    await this.admin(`/admin/payments/${payment_collections[0].payments[0].id}/capture`, {});
  }

  cancel(id) {
    return this.admin(`/admin/orders/${id}/cancel`, {});
  }

  /** The owner ships units of a SKU by hand. */
  async ship(id, sku, quantity) {
    const item = (await this.order(id)).items.find((one) => one.variant_sku === sku);
    const location_id = (await this.admin('/admin/stock-locations')).stock_locations[0].id;
    const items = [{ id: item.id, quantity }];
    const made = await this.admin(`/admin/orders/${id}/fulfillments?fields=id,*fulfillments`, { location_id, items });
    const parcel = made.order.fulfillments.at(-1).id;
    const labels = [{ tracking_number: 'HAND-1', tracking_url: '#', label_url: '#' }];
    await this.admin(`/admin/orders/${id}/fulfillments/${parcel}/shipments`, { items, labels });
  }
}
