from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a customer spent by category is read from the index: their lines lie far apart."""

    atomic = False

    dependencies = [("crm", "0009_who_bought")]

    operations = [
        AddIndexConcurrently(
            model_name="orderline",
            index=models.Index(
                fields=["customer_id", "bought_at"],
                include=("order", "product", "amount", "refunded_amount", "quantity", "refunded_quantity"),
                name="crm_orderline_spent",
            ),
        ),
        RemoveIndexConcurrently(model_name="orderline", name="crm_orderline_of_customer"),
        migrations.RenameIndex("orderline", new_name="crm_orderline_of_customer", old_name="crm_orderline_spent"),
    ]
