// A customer and the owner of the Vendure shop, as its two APIs serve them.

export class VendureShop {
  #token;

  constructor(url) {
    this.url = url;
  }

  async #ask(api, token, query, variables) {
    const answer = await fetch(`${this.url}/${api}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    const body = await answer.json();
    if (body.errors) throw new Error(`${query}: ${JSON.stringify(body.errors)}`);
    for (const [name, result] of Object.entries(body.data)) {
      if (result?.errorCode) throw new Error(`${name}: ${result.errorCode} ${result.message}`);
    }
    return { data: body.data, token: answer.headers.get('vendure-auth-token') ?? token };
  }

  /** A request to the admin API as superadmin. */
  async admin(query, variables) {
    const login = 'mutation{login(username:"superadmin",password:"superadmin"){__typename}}';
    this.#token ??= (await this.#ask('admin-api', undefined, login)).token;
    return (await this.#ask('admin-api', this.#token, query, variables)).data;
  }

  /** The sold variant with a SKU: its id and stock levels. */
  async variant(sku) {
    const query =
      'query($s:String!){productVariants(options:{filter:{sku:{eq:$s}}}){items{id name stockLevels{stockLocationId stockOnHand stockAllocated}}}}';
    return (await this.admin(query, { s: sku })).productVariants.items[0];
  }

  /** What of a SKU can still be sold. */
  async onSale(sku) {
    const { stockLevels } = await this.variant(sku);
    return stockLevels.reduce((sum, level) => sum + level.stockOnHand - level.stockAllocated, 0);
  }

  /**
   * Buys as a guest; the order's number. `settle`: paid at once; `authorize`: only authorised, as most shops do until they
   * ship; `unpaid`: left at the till.
   */
  async placeOrder({ lines, pay = 'settle', name = 'Ada Buyer' }) {
    let token;
    const guest = async (query, variables) => {
      const answer = await this.#ask('shop-api', token, query, variables);
      token = answer.token;
      return answer.data;
    };
    const failure = '__typename ... on ErrorResult{errorCode message}';
    for (const [sku, quantity] of Object.entries(lines)) {
      const { id } = await this.variant(sku);
      await guest(`mutation($id:ID!,$q:Int!){addItemToOrder(productVariantId:$id,quantity:$q){${failure}}}`, {
        id,
        q: quantity,
      });
    }
    const [firstName, lastName] = name.split(' ');
    await guest(`mutation($i:CreateCustomerInput!){setCustomerForOrder(input:$i){${failure}}}`, {
      i: { firstName, lastName, emailAddress: `${firstName.toLowerCase()}@example.com` },
    });
    await guest(`mutation($i:CreateAddressInput!){setOrderShippingAddress(input:$i){${failure}}}`, {
      i: { fullName: name, streetLine1: '1 High St', city: 'Leeds', postalCode: 'LS1 1AA', countryCode: 'GB' },
    });
    const methods = await guest('{eligibleShippingMethods{id}}');
    await guest(`mutation($id:[ID!]!){setOrderShippingMethod(shippingMethodId:$id){${failure}}}`, {
      id: [methods.eligibleShippingMethods[0].id],
    });
    await guest(`mutation{transitionOrderToState(state:"ArrangingPayment"){__typename}}`);
    if (pay === 'unpaid') return (await guest('{activeOrder{code}}')).activeOrder.code;
    const method = pay === 'settle' ? 'instant-payment' : 'standard-payment';
    const paid = await guest(
      `mutation($m:String!){addPaymentToOrder(input:{method:$m,metadata:{}}){${failure} ... on Order{code state}}}`,
      { m: method },
    );
    const expected = pay === 'settle' ? 'PaymentSettled' : 'PaymentAuthorized';
    if (paid.addPaymentToOrder.state !== expected) throw new Error(`paid, but ${JSON.stringify(paid)}`);
    return paid.addPaymentToOrder.code;
  }

  /** An order as the shop's owner sees it. */
  async order(code) {
    const query = `query($c:String!){orders(options:{filter:{code:{eq:$c}}}){items{id code state lines{id quantity productVariant{sku}}
      payments{id state} fulfillments{state method trackingCode lines{orderLineId quantity}}}}}`;
    return (await this.admin(query, { c: code })).orders.items[0];
  }

  /** The authorised payment is taken. */
  async settle(code) {
    const order = await this.order(code);
    const mutation = 'mutation($id:ID!){settlePayment(id:$id){__typename ... on ErrorResult{errorCode message}}}';
    await this.admin(mutation, { id: order.payments[0].id });
  }

  /** The owner cancels the whole order in the shop. */
  async cancel(code) {
    const { id } = await this.order(code);
    const mutation =
      'mutation($i:CancelOrderInput!){cancelOrder(input:$i){__typename ... on ErrorResult{errorCode message}}}';
    await this.admin(mutation, { i: { orderId: id, reason: 'changed their mind', cancelShipping: true } });
  }

  /** The owner ships some units in the shop itself. */
  async ship(code, sku, quantity) {
    const order = await this.order(code);
    const line = order.lines.find((one) => one.productVariant.sku === sku);
    const mutation = `mutation($i:FulfillOrderInput!){addFulfillmentToOrder(input:$i){__typename ... on Fulfillment{id}
      ... on ErrorResult{errorCode message}}}`;
    const made = await this.admin(mutation, {
      i: {
        lines: [{ orderLineId: line.id, quantity }],
        handler: {
          code: 'manual-fulfillment',
          arguments: [
            { name: 'method', value: 'By hand' },
            { name: 'trackingCode', value: 'HAND-1' },
          ],
        },
      },
    });
    const move = `mutation($id:ID!){transitionFulfillmentToState(id:$id,state:"Shipped"){__typename ... on FulfillmentStateTransitionError{errorCode message}}}`;
    await this.admin(move, { id: made.addFulfillmentToOrder.id });
  }
}
