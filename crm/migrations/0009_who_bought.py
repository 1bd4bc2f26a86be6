from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Orders go on being written while a large shop's lines are indexed."""

    atomic = False

    dependencies = [("crm", "0008_wecom")]

    operations = [
        AddIndexConcurrently(
            model_name="orderline",
            index=models.Index(
                condition=models.Q(("customer_id__isnull", False), ("refunded_quantity__lt", models.F("quantity"))),
                fields=["product", "bought_at"],
                include=("customer_id", "order"),
                name="crm_orderline_who_bought",
            ),
        ),
        RemoveIndexConcurrently(model_name="orderline", name="crm_orderline_of_product"),
    ]
