//! Deposit, trade, withdraw: the main path of the built program in a bank of the validator itself, where the other tests
//! run in LiteSVM. What differs between the two would show here.

use novate_client::instructions::{self as build, Holdings, PoolKeys, Token, TokenMove, TradeSide};
use novate_client::order::Cluster;
use novate_client::state::{Asset, Market, Portfolio};
use novate_client::{addresses, decode, instrument, Instruction, Pubkey, ID};
use novate_tests::feed::{Feed, Layout, Quote, PUSH_ORACLE, RECEIVER};
use novate_tests::world::{leg, program_path, World};
use novate_tests::{token, AssetSpec, MarketSpec, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE, USDC};
use solana_account::Account;
use solana_clock::Clock;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_program_test::{ProgramTest, ProgramTestContext};
use solana_signer::Signer;
use solana_transaction::Transaction;

/// Owner of programs that cannot be replaced.
const LOADER: Pubkey = Pubkey::from_str_const("BPFLoader2111111111111111111111111111111111");

/// A bank with a pool of USDC and BTC and a perpetual on BTC.
struct Bank {
    context: ProgramTestContext,
    pool: Pubkey,
    tokens: [Token; 2],
}

impl Bank {
    async fn start() -> Self {
        let elf = std::fs::read(program_path())
            .expect("target/deploy/novate.so is missing: run `make program` in the root of the repository");
        let mut test = ProgramTest::default();
        let program = Account { lamports: 10_000_000_000, data: elf, owner: LOADER, executable: true, rent_epoch: 0 };
        test.add_account(ID, program);
        let context = test.start_with_context().await;
        let pool = addresses::pool(&context.payer.pubkey(), 0);
        let mut bank = Self { context, pool, tokens: [Token { mint: pool, program: pool }; 2] };
        bank.found().await;
        bank
    }

    async fn found(&mut self) {
        let payer = self.context.payer.insecure_clone();
        let specs = [AssetSpec::new("USDC", 6, 1.0), AssetSpec::new("BTC", 8, 20_000.0).pushed().token_2022(vec![])];
        let mut feeds = vec![];
        for (index, spec) in specs.iter().enumerate() {
            let mint = match &spec.token_2022 {
                None => token::mint(spec.decimals, &payer.pubkey()),
                Some(extensions) => token::mint_2022(spec.decimals, &payer.pubkey(), extensions),
            };
            self.tokens[index] = Token { mint: self.put(mint.clone()), program: mint.owner };
            feeds.push(self.publish(spec).await);
        }
        let roles = [[1; 32], [2; 32]].map(Pubkey::new_from_array);
        let mut listing = vec![build::create_pool(payer.pubkey(), 0, Cluster::Localnet, self.tokens[0].mint, roles)];
        for (index, spec) in specs.iter().enumerate() {
            let terms = spec.terms(&feeds[index]);
            listing.push(build::add_asset(payer.pubkey(), self.pool, index as u16, self.tokens[index], terms));
        }
        let terms = MarketSpec::new("BTC-PERP", BTC).terms;
        listing.push(build::add_market(payer.pubkey(), self.pool, BTC, BTC_PERP, terms));
        listing.push(build::stage_scenarios(payer.pubkey(), self.pool, 1, World::rows_of(16, 1, 0, 16)));
        listing.push(build::refresh_asset(&self.pool, &[(USDC, feeds[0].address), (BTC, feeds[1].address)]));
        for instruction in listing {
            self.send(instruction, &[]).await;
        }
    }

    /// Writes an account to a new address.
    fn put(&mut self, account: Account) -> Pubkey {
        let address = Keypair::new().pubkey();
        self.context.set_account(&address, &account.into());
        address
    }

    async fn publish(&mut self, spec: &AssetSpec) -> Feed {
        let clock: Clock = self.context.banks_client.get_sysvar().await.unwrap();
        let owner = if spec.layout == Layout::Push { PUSH_ORACLE } else { RECEIVER };
        let mut feed = Feed { layout: spec.layout, address: Pubkey::default(), owner, id: [3; 32] };
        let data = Quote::new(spec.usd, clock.unix_timestamp).encode(&feed);
        feed.address = self.put(Account { lamports: 10_000_000, data, owner, ..Account::default() });
        feed
    }

    async fn send(&mut self, instruction: Instruction, signers: &[&Keypair]) {
        let limit = ComputeBudgetInstruction::set_compute_unit_limit(400_000);
        let message = Message::new(&[limit, instruction], Some(&self.context.payer.pubkey()));
        let blockhash = self.context.get_new_latest_blockhash().await.unwrap();
        let keys: Vec<&Keypair> = std::iter::once(&self.context.payer).chain(signers.iter().copied()).collect();
        let transaction = Transaction::new(&keys, message, blockhash);
        self.context.banks_client.process_transaction(transaction).await.unwrap();
    }

    async fn account(&mut self, address: Pubkey) -> Account {
        self.context.banks_client.get_account(address).await.unwrap().unwrap()
    }

    async fn portfolio(&mut self, side: TradeSide) -> Portfolio {
        decode(&self.account(side.portfolio).await.data).unwrap()
    }

    /// A key with lamports, an open portfolio and a deposit.
    async fn trader(&mut self, asset: u16, amount: u64) -> (Keypair, TradeSide, Pubkey) {
        let key = Keypair::new();
        let wallet = Account { lamports: 10_000_000_000, ..Account::default() };
        self.context.set_account(&key.pubkey(), &wallet.into());
        let portfolio = addresses::portfolio(&self.pool, &key.pubkey(), 0);
        self.send(build::open_portfolio(key.pubkey(), self.pool, 0), &[&key]).await;
        let token = self.tokens[usize::from(asset)];
        let mint = self.account(token.mint).await;
        let account = self.put(token::account(&mint, &token.mint, &key.pubkey(), amount));
        let deposit = TokenMove { asset, token, account, amount };
        self.send(build::deposit(key.pubkey(), self.pool, portfolio, deposit), &[&key]).await;
        let side = TradeSide { portfolio, signer: key.pubkey() };
        (key, side, account)
    }
}

#[tokio::test]
async fn deposit_trade_and_withdraw() {
    let mut bank = Bank::start().await;
    let (buyer_key, buyer, buyer_tokens) = bank.trader(USDC, 10_000 * DOLLAR as u64).await;
    let (seller_key, seller, seller_tokens) = bank.trader(BTC, 200_000_000).await;
    let keys = PoolKeys { pool: bank.pool, scenarios: addresses::scenarios(&bank.pool, 1) };

    let sides = [bank.portfolio(buyer).await, bank.portfolio(seller).await];
    let holdings = Holdings::of(&sides).with_traded(instrument::perpetual(BTC_PERP), BTC);
    let trade = build::trade(keys, buyer, seller, &holdings, vec![leg(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    bank.send(trade, &[&buyer_key, &seller_key]).await;

    let [long, short] = [bank.portfolio(buyer).await, bank.portfolio(seller).await];
    assert_eq!((long.positions()[0].quantity, long.positions()[0].cost), (CONTRACT, 20_010 * DOLLAR));
    assert_eq!((short.positions()[0].quantity, short.positions()[0].cost), (-CONTRACT, -19_990 * DOLLAR));

    // Initial margin is 3,000; of the seller's two BTC one hedges the position.
    for (key, side, held, tokens, asset, amount) in [
        (&buyer_key, buyer, &long, buyer_tokens, USDC, 6_990 * DOLLAR as u64),
        (&seller_key, seller, &short, seller_tokens, BTC, 90_000_000),
    ] {
        let out = TokenMove { asset, token: bank.tokens[usize::from(asset)], account: tokens, amount };
        let withdraw = build::withdraw(key.pubkey(), keys, side.portfolio, &Holdings::of([held]), out);
        bank.send(withdraw, &[key]).await;
        assert_eq!(token::amount(&bank.account(tokens).await), amount);
    }

    let [long, short] = [bank.portfolio(buyer).await, bank.portfolio(seller).await];
    assert_eq!((long.cash, short.balance_of(BTC).tokens), (3_010 * DOLLAR, 110_000_000));
    let market: Market = decode(&bank.account(addresses::market(&bank.pool, BTC_PERP)).await.data).unwrap();
    assert_eq!((market.long.0, market.short.0, market.accrued_fees.0), (CONTRACT, CONTRACT, 20 * DOLLAR));
    for (asset, left) in [(USDC, 3_010 * DOLLAR as u64), (BTC, 110_000_000)] {
        let address = addresses::asset(&bank.pool, asset);
        let bank_of_asset: Asset = decode(&bank.account(address).await.data).unwrap();
        assert_eq!(token::amount(&bank.account(addresses::vault(&address)).await), left);
        assert_eq!(bank_of_asset.cash + bank_of_asset.deposits, left);
    }
}
