-- Calls that our own recogniser, model or voice spoiled, and agreements the restaurant may not know of.

alter type disposition add value 'provider_failure' before 'lost';
alter type outcome add value 'unconfirmed';

alter table retry_policies
    add column provider_failure_from  interval not null default '5 minutes',  -- after our recogniser, model or voice failed, growing; never counted
    add column provider_failure_to    interval not null default '15 minutes',
    add column provider_failure_times int not null default 2,                 -- how often in a row, until a person has to look
    add constraint retry_policy_provider_failure_is_at_most_30_days
        check (provider_failure_from >= '0' and provider_failure_to <= '30 days' and provider_failure_from <= provider_failure_to),
    add constraint retry_policy_provider_failure_times_are_0_to_10 check (provider_failure_times between 0 and 10);
